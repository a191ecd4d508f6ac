"""Frames of a series that could be slices of one stack: same frame of reference, size, spacing, direction and kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.volumes.frames import Frames

SAME_SPACING = 1e-3
SAME_DIRECTION_DEG = 0.5
RIGHT_ANGLE, UNIT_LENGTH = 1e-3, 1e-2
_PROJECTION = re.compile(r"MIP|PROJECTION|(MAX|MIN)_IP")
_REFORMAT = re.compile(r"MPR|REFORMAT|RESAMPLED|CURVED")
KEYS = (
    "FrameOfReferenceUID",
    "Rows+Columns",
    "SamplesPerPixel",
    "ImageType",
    "PixelSpacing",
    "ImageOrientationPatient",
)
"""What frames of one stack share, as ``split_by`` names it."""
Places = NDArray[np.int64]
Near = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Group:
    """Frames that share what one stack shares.

    Attributes:
        places: Of its frames in the series.
        kind: '', ``derived``, ``reformat`` or ``projection``.
        split_by: Keys in which the series' groups differ.
    """

    places: Places
    kind: str
    split_by: tuple[str, ...]


def kinds(frames: Frames) -> NDArray[np.object_]:
    """Of every frame: ``localizer``, ``mosaic``, ``projection``, ``reformat``, ``derived`` or ''."""
    known: dict[tuple[str, str], str] = {}
    found = np.empty(len(frames), object)
    for place, pair in enumerate(zip(frames["image_type"], frames["tokens"], strict=True)):
        if pair not in known:
            known[pair] = kind_of(*pair)
        found[place] = known[pair]
    return found


def kind_of(image_type: str, tokens: str) -> str:
    """Of one frame, from its image type and the tokens of its series: as ``kinds``."""
    words = image_type.split("\\")
    derived = words[0] == "DERIVED"
    if any(word in ("LOCALIZER", "SCOUT") for word in words):
        return "localizer"
    if "MOSAIC" in words:
        return "mosaic"
    if any(_PROJECTION.search(word) for word in words[2:]) or (derived and "mip" in tokens.split()):
        return "projection"
    if any(_REFORMAT.search(word) for word in words[2:]) or (derived and "mpr" in tokens.split()):
        return "reformat"
    return "derived" if derived else ""


def are_planning(frames: Frames) -> bool:
    """Whether frames without the word LOCALIZER look like localizers: described so, in few directions, few in each."""
    if not any("scout" in tokens.split() for tokens in frames["tokens"]):
        return False
    clusters = directions(frames.orientations)
    return len(set(clusters.tolist())) <= 3 and int(np.bincount(clusters - clusters.min()).max()) <= 5


def are_placed(frames: Frames) -> NDArray[np.bool_]:
    """Which frames have a position, an orientation and a pixel spacing."""
    numbers = np.concatenate([frames.positions, frames.orientations, frames.spacings], axis=1)
    return np.all(np.isfinite(numbers), axis=1)


def are_right_angled(frames: Frames) -> NDArray[np.bool_]:
    """Which frames have directions of length 1 at right angles."""
    turned = frames.orientations
    row, column = turned[:, :3], turned[:, 3:]
    lengths = np.stack([np.linalg.norm(row, axis=1), np.linalg.norm(column, axis=1)])
    right = np.abs((row * column).sum(axis=1)) <= RIGHT_ANGLE
    return right & np.all(np.abs(lengths - 1) <= UNIT_LENGTH, axis=0)


def groups(frames: Frames, places: Places, kind: NDArray[np.object_]) -> list[Group]:
    """Frames of a series that share all keys, in an order that does not depend on that of the frames.

    Args:
        frames: The series.
        places: Those of its frames that have a place and a right-angled orientation.
        kind: As ``kinds`` told, of every frame of the series.
    """
    if not len(places):
        return []
    part = frames.take(places)
    size = part.vectors("rows", "columns")
    numbers = np.stack(
        [
            _codes(part["frame_of_reference"]),
            np.unique(size, axis=0, return_inverse=True)[1].reshape(-1),
            np.unique(part["samples"], return_inverse=True)[1].reshape(-1),
            _codes(kind[places]),
            _spacing_clusters(part.spacings),
            directions(part.orientations),
        ],
        axis=1,
    )
    varying = tuple(name for name, column in zip(KEYS, numbers.T, strict=True) if len(set(column.tolist())) > 1)
    _, inverse = np.unique(numbers, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    found = []
    for number in range(int(inverse.max()) + 1):
        members = places[inverse == number]
        found.append(Group(members, str(kind[members[0]]), varying))
    return found


def _codes(values: NDArray[np.object_]) -> Places:
    if (values == values[0]).all():  # so are nearly all series, and telling different ones apart takes longer
        return np.zeros(len(values), np.int64)
    return np.unique(values.astype(str), return_inverse=True)[1].reshape(-1)


def _spacing_clusters(spacings: NDArray[np.float64]) -> Places:
    """Spacings within 1e-3 of the most frequent one are the same, and so on with the rest."""

    def near(some: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.all(np.abs(some - one) <= SAME_SPACING * one, axis=1)

    return _clusters(spacings, np.round(spacings, 4), near)


def directions(orientations: NDArray[np.float64]) -> Places:
    """A number for the direction of every frame: rows and columns within 0.5° of the most frequent one are the same."""
    nearly = np.cos(np.radians(SAME_DIRECTION_DEG))

    def near(some: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.bool_]:
        lengths = np.linalg.norm(some.reshape(-1, 2, 3), axis=2) * np.linalg.norm(one.reshape(2, 3), axis=1)
        cosines = (some * one).reshape(-1, 2, 3).sum(axis=2) / np.where(lengths > 0, lengths, 1)
        return np.all(cosines >= nearly, axis=1)

    return _clusters(np.nan_to_num(orientations), np.round(np.nan_to_num(orientations), 3) + 0.0, near)


def _clusters(values: NDArray[np.float64], rounded: NDArray[np.float64], near: Near) -> Places:
    """Greedy clusters around the most frequent values; ties go to the smaller one, so that order does not matter."""
    if len(rounded) and (rounded == rounded[0]).all():
        return np.zeros(len(values), np.int64)
    unique, inverse, counts = np.unique(rounded, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    found = np.full(len(values), -1, np.int64)
    number = 0
    for place in np.lexsort((np.arange(len(unique)), -counts)):
        free = found < 0
        if not (free & (inverse == place)).any():
            continue
        centre = values[free & (inverse == place)].mean(axis=0)
        found[free & (near(values, centre) | (inverse == place))] = number
        number += 1
    return found
