"""What tells apart frames that lie at the same place: echo, diffusion weighting, time, kernel and so on.

The first discriminator, or pair or triple of them, is taken that leaves every part with each place exactly once. Then
pictures that are the same are dropped, then times are ranked place by place, then parts that were broken off are
allowed. Where nothing helps, the stack is ambiguous, and a person has to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.columns import SLICE_KINDS
from workbench.cohort.volumes.frames import Frames

Places = NDArray[np.int64]
DISCRIMINATORS = {
    "stack": "StackID",
    "echo_time_ms": "EchoTime",
    "echo_number": "EchoNumbers",
    "b_value": "DiffusionBValue",
    "b_direction": "DiffusionGradientOrientation",
    "temporal_position": "TemporalPositionIdentifier",
    "trigger_time_ms": "TriggerTime",
    "inversion_time_ms": "InversionTime",
    "flip_angle_deg": "FlipAngle",
    "repetition_time_ms": "RepetitionTime",
    "image_type": "ImageType",
    "acquisition": "AcquisitionNumber",
    "kernel": "ConvolutionKernel",
    "diameter_mm": "ReconstructionDiameter",
    "kvp": "KVP",
    "acquisition_s": "AcquisitionTime",
}
"""Column, and the keyword by which ``split_by`` names it, in the order in which they are tried."""
FIRST_PAIR = ("b_value", "b_direction")
RANKED = ("temporal_position", "trigger_time_ms", "acquisition_s")
NAMELESS = ("stack", "acquisition_s", "b_direction")
"""Their values are numbered, not told: free text, times of day, long words."""
MOST_TOGETHER = 3
MOST_HOLES = 1.5
HALF_A_DAY, DAY = 43200.0, 86400.0


@dataclass(frozen=True)
class Part:
    """Frames with each place at most once.

    Attributes:
        places: Of its frames in the group.
        split_by: Keywords of the discriminators, joined by '+'; '' where none was needed.
        split_value: Their values, as ``EchoTime=12.5``.
        repeats: Frames left out because the same picture is there already at the same place.
    """

    places: Places
    split_by: str = ""
    split_value: str = ""
    repeats: Places = field(default_factory=lambda: np.empty(0, np.int64))


def split(frames: Frames, spots: Places) -> list[Part] | None:
    """Split frames so that no part holds two at the same place.

    Args:
        frames: Of one group.
        spots: A number for the place of each along the normal.

    Returns:
        The parts, or None where nothing tells the frames apart.
    """
    everything = np.arange(len(frames))
    if np.bincount(spots).max() == 1:
        return [Part(everything)]
    codes = _codes(frames)
    found = _complete(frames, codes, spots, everything)
    if found is not None:
        return found
    kept, repeats = _without_repeats(frames, spots)
    if len(repeats):
        if np.bincount(spots[kept]).max() == 1:
            return [Part(kept, repeats=repeats)]
        parts = _complete(frames.take(kept), _codes(frames.take(kept)), spots[kept], kept)
        if parts is not None:
            return [Part(parts[0].places, parts[0].split_by, parts[0].split_value, repeats), *parts[1:]]
    return _ranked(frames, spots) or _broken_off(frames, codes, spots)


def even_parts(frames: Frames) -> Iterator[list[Part]]:
    """Ways to split frames that all lie at places of their own, for stacks that are uneven as a whole."""
    everything = np.arange(len(frames))
    for name, code in _codes(frames).items():
        if name not in ("trigger_time_ms", "acquisition_s"):
            yield _parts(frames, everything, (name,), code)


def _codes(frames: Frames) -> dict[str, Places]:
    """Those discriminators that vary, each as whole numbers."""
    found = {}
    for name in DISCRIMINATORS:
        column = frames[name]
        if SLICE_KINDS[name] == "text":
            code = np.unique(column.astype(str), return_inverse=True)[1]
        else:
            code = np.unique(np.round(column, 4), return_inverse=True)[1]
        code = code.reshape(-1)
        if code.max() > 0:
            found[name] = code
    return found


def _complete(frames: Frames, codes: dict[str, Places], spots: Places, names: Places) -> list[Part] | None:
    """Parts that each hold every place exactly once."""
    most, number = int(np.bincount(spots).max()), len(set(spots.tolist()))
    if most * number != len(spots):
        return None
    for chosen in _choices(codes, most):
        joint = _joint([codes[name] for name in chosen])
        pairs = joint * (int(spots.max()) + 1) + spots
        if int(joint.max()) + 1 == most and len(np.unique(pairs)) == len(spots):
            return _parts(frames, names, chosen, joint)
    return None


def _choices(codes: dict[str, Places], most: int) -> Iterator[tuple[str, ...]]:
    """Discriminators, pairs and triples of them that could make ``most`` parts, in order."""
    numbers = {name: int(code.max()) + 1 for name, code in codes.items() if code.max() < most}
    for chosen in _in_order(list(numbers)):
        if math.prod(numbers[name] for name in chosen) >= most:
            yield chosen


def _in_order(codes: list[str]) -> Iterator[tuple[str, ...]]:
    singles: list[tuple[str, ...]] = [(name,) for name in codes]
    if all(name in codes for name in FIRST_PAIR):
        singles.insert(singles.index((FIRST_PAIR[0],)) + 1, FIRST_PAIR)
    yield from singles
    for size in range(2, MOST_TOGETHER + 1):
        yield from combinations(codes, size)


def _joint(codes: list[Places]) -> Places:
    return np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _parts(frames: Frames, names: Places | None, chosen: tuple[str, ...], joint: Places) -> list[Part]:
    split_by = "+".join(DISCRIMINATORS[name] for name in chosen)
    found = []
    for number in range(int(joint.max()) + 1):
        places = np.flatnonzero(joint == number)
        values = [f"{DISCRIMINATORS[name]}={_value(frames, name, places[0], number)}" for name in chosen]
        found.append(Part(places if names is None else names[places], split_by, ", ".join(values)))
    return found


def _value(frames: Frames, name: str, place: int, number: int) -> str:
    if name in NAMELESS:
        return f"no. {number + 1}"
    value = frames[name][place]
    if isinstance(value, str):
        return value or "none"
    return "none" if np.isnan(value) else f"{value:g}"


def _without_repeats(frames: Frames, spots: Places) -> tuple[Places, Places]:
    """Frames of which each picture occurs once at each place, the first kept; and the others."""
    seen: set[tuple[int, str]] = set()
    kept, repeats = [], []
    for place, key in enumerate(zip(spots.tolist(), frames["pixel_hash"], strict=True)):
        (repeats if key[1] and key in seen else kept).append(place)
        seen.add(key)
    return np.array(kept, np.int64), np.array(repeats, np.int64)


def _ranked(frames: Frames, spots: Places) -> list[Part] | None:
    """The k-th picture at each place by time belongs to the k-th part: heart rates vary from slice to slice."""
    most = int(np.bincount(spots).max())
    if most * len(set(spots.tolist())) != len(spots):
        return None
    for name in RANKED:
        times = frames[name]
        if np.isnan(times).any():
            continue
        if name == "acquisition_s" and np.ptp(times) > HALF_A_DAY:
            times = np.where(times < HALF_A_DAY, times + DAY, times)  # the series runs past midnight
        order = np.lexsort((times, spots))
        table = order.reshape(-1, most)
        if (np.diff(times[table], axis=1) > 0).all():
            word = DISCRIMINATORS[name]
            return [Part(np.sort(table[:, rank]), word, f"{word}=no. {rank + 1}") for rank in range(most)]
    return None


def _broken_off(frames: Frames, codes: dict[str, Places], spots: Places) -> list[Part] | None:
    """Parts of unequal length, as of a scan that was stopped or of stacks that overlap, not of every other slice."""
    most = int(np.bincount(spots).max())
    for chosen in _choices({name: code for name, code in codes.items() if name != "acquisition_s"}, most):
        joint = _joint([codes[name] for name in chosen])
        if int(joint.max()) + 1 != most:
            continue
        parts = _parts(frames, None, chosen, joint)
        if all(_whole(spots[part.places]) for part in parts):
            return parts
    return None


def _whole(spots: Places) -> bool:
    """Whether places are all different and most of those between the ends are there."""
    unique = len(set(spots.tolist()))
    return unique == len(spots) and int(np.ptp(spots)) + 1 < MOST_HOLES * unique
