"""The rule from the frames of a series to stacks and volumes; every frame ends in exactly one stack."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.volumes import discriminators, grouping
from workbench.cohort.volumes.affine import affine_lps, lean_deg, normal
from workbench.cohort.volumes.evenness import LEAST_SLICES, Evenness, evenness
from workbench.cohort.volumes.frames import Frames
from workbench.cohort.volumes.statuses import EVEN, Status, sentence

SAME_PLACE_MM, SAME_PLACE = 0.01, 0.01
TILT_DEG = 0.5
BENT_MM, BENT = 0.1, 0.1
PLACE = (*("x_mm", "y_mm", "z_mm"), *("row_x", "row_y", "row_z"), *("column_x", "column_y", "column_z"))
ONE = np.zeros(1, np.int64)
Places = NDArray[np.int64]
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry:
    """Where the slices of a stack lie.

    Attributes:
        affine_lps: ``(4, 4)``, from ``(column, row, slice, 1)`` to LPS mm.
        offsets_mm: Of every slice from the first, along the normal, ``(slices,)``.
        spacing_mm: Median distance between slices, along the line on which they lie.
        deviation: Largest deviation from it, as a share.
        tilt_deg: Angle between that line and the normal.
    """

    affine_lps: Vectors
    offsets_mm: NDArray[np.float64]
    spacing_mm: float
    deviation: float
    tilt_deg: float


@dataclass(frozen=True)
class Run:
    """Slices of a stack that are even enough to be a volume.

    Attributes:
        places: Of its frames in the series, in order along the normal.
        status: ``regular`` or ``regular_jitter``.
        split_by: What it was split by, keywords joined by '+'; ``gap`` and ``spacing`` among them.
        split_value: The values of these that it has.
        geometry: Where its slices lie.
    """

    places: Places
    status: Status
    split_by: str
    split_value: str
    geometry: Geometry


@dataclass(frozen=True)
class Stack:
    """Frames that belong together.

    Attributes:
        places: Of its frames in the series, in order along the normal where there is one.
        status: What it is.
        sentence: The same in words.
        split_by: What sets it apart from the other stacks of the series, keywords joined by '+'.
        split_value: The values that it has.
        kind: '', ``derived``, ``reformat`` or ``projection``.
        repeats: Frames left out because the same picture is there already at the same place.
        geometry: Where its slices lie, or None.
        volumes: Those made of it.
    """

    places: Places
    status: Status
    sentence: str
    split_by: str = ""
    split_value: str = ""
    kind: str = ""
    repeats: Places = field(default_factory=lambda: np.empty(0, np.int64))
    geometry: Geometry | None = None
    volumes: tuple[Run, ...] = ()


def find_stacks(frames: Frames) -> list[Stack]:
    """Group, split, order and judge the frames of one series.

    Args:
        frames: All of its frames; columns of ``columns.SLICE``, and ``rows``, ``columns``, ``pixel_hash``.
    """
    if len(frames) == 1:
        return [single({name: column[0] for name, column in frames.columns.items()})]
    kind = grouping.kinds(frames)
    planning = kind == "localizer"
    if not planning.any() and grouping.are_planning(frames):
        planning = np.ones(len(frames), bool)
    mosaic = (kind == "mosaic") & ~planning
    colour = (frames["samples"] > 1) & ~planning & ~mosaic
    rest = ~planning & ~mosaic & ~colour
    placed = grouping.are_placed(frames)
    right = rest & placed
    right[right] = grouping.are_right_angled(frames.take(np.flatnonzero(right)))
    asides = (
        (planning, Status.LOCALIZER),
        (mosaic, Status.MOSAIC),
        (colour, Status.COLOUR),
        (rest & ~placed, Status.NO_GEOMETRY),
        (rest & placed & ~right, Status.BAD_ORIENTATION),
    )
    stacks = [_aside(np.flatnonzero(those), status) for those, status in asides if those.any()]
    few: list[Stack] = []
    for group in grouping.groups(frames, np.flatnonzero(right), kind):
        found = _stacks_of(frames, group)
        alone = len(found) == 1 and found[0].status is Status.SHORT
        (few if alone and "ImageOrientationPatient" in group.split_by else stacks).extend(found)
    return stacks + _together(frames, few)


def _aside(places: Places, status: Status) -> Stack:
    return Stack(places, status, sentence(status, slices=len(places)))


def single(facts: Mapping[str, Any]) -> Stack:
    """The stack of a series of one frame, without the arithmetic that many need: archives hold many such series.

    Args:
        facts: Of the frame: columns of ``columns.SLICE``, None or NaN where unknown.
    """
    kind = grouping.kind_of(facts["image_type"] or "", facts["tokens"] or "")
    numbers = [facts[name] for name in (*PLACE, "spacing_row_mm", "spacing_column_mm")]
    if kind == "localizer" or "scout" in (facts["tokens"] or "").split():
        status = Status.LOCALIZER
    elif kind == "mosaic":
        status = Status.MOSAIC
    elif (facts["samples"] or 1) > 1:
        status = Status.COLOUR
    elif any(number is None or not math.isfinite(number) for number in numbers):
        status = Status.NO_GEOMETRY
    elif not _is_right_angled(numbers[3:9]):
        status = Status.BAD_ORIENTATION
    else:
        return Stack(ONE, Status.SHORT, sentence(Status.SHORT, slices=1), kind=kind)
    return _aside(ONE, status)


def _is_right_angled(cosines: list[float]) -> bool:
    row, column = cosines[:3], cosines[3:]
    right = abs(sum(a * b for a, b in zip(row, column, strict=True))) <= grouping.RIGHT_ANGLE
    return right and all(abs(math.hypot(*one) - 1) <= grouping.UNIT_LENGTH for one in (row, column))


def _together(frames: Frames, few: list[Stack]) -> list[Stack]:
    """Short stacks in several directions are one row of the table: three-plane planning pictures, rotating views."""
    if len(few) < 2:
        return few
    places = np.concatenate([stack.places for stack in few])
    turned = len(set(grouping.directions(frames.take(places).orientations).tolist()))
    if turned < 2:
        return few
    repeats = np.concatenate([stack.repeats for stack in few])
    said = sentence(Status.MIXED, slices=len(places), orientations=turned)
    return [Stack(places, Status.MIXED, said, "ImageOrientationPatient", "", few[0].kind, repeats)]


def _stacks_of(frames: Frames, group: grouping.Group) -> list[Stack]:
    part = frames.take(group.places)
    line = normal(part.orientations.mean(axis=0))
    offsets = part.positions @ line
    spots = spots_of(offsets)
    base = "+".join(group.split_by)
    distinct = len(set(spots.tolist()))
    if distinct < LEAST_SLICES:
        order = np.argsort(offsets, kind="stable")
        said = sentence(Status.SHORT, slices=len(order), most=distinct)
        geometry = _geometry(part, order) if distinct == len(order) else None
        return [Stack(group.places[order], Status.SHORT, said, base, "", group.kind, geometry=geometry)]
    parts = discriminators.split(part, spots)
    if parts is None:
        order = group.places[np.argsort(offsets, kind="stable")]
        said = sentence(Status.AMBIGUOUS, slices=len(order), most=int(np.bincount(spots).max()))
        return [Stack(order, Status.AMBIGUOUS, said, base, "", group.kind)]
    found = []
    for one in parts:
        order = one.places[np.argsort(offsets[one.places], kind="stable")]
        for stack in _judged(part, order):
            split_by = _joined(base, one.split_by, stack.split_by)
            value = _joined(one.split_value, stack.split_value, sign=", ")
            volumes = tuple(
                replace(
                    volume,
                    places=group.places[volume.places],
                    split_by=_joined(split_by, volume.split_by),
                    split_value=_joined(value, volume.split_value, sign=", "),
                )
                for volume in stack.volumes
            )
            found.append(
                replace(
                    stack,
                    places=group.places[stack.places],
                    split_by=split_by,
                    split_value=value,
                    kind=group.kind,
                    volumes=volumes,
                )
            )
    if found:
        repeats = np.concatenate([one.repeats for one in parts])
        found[0] = replace(found[0], repeats=group.places[repeats])
    return found


def _joined(*words: str, sign: str = "+") -> str:
    return sign.join(word for word in words if word)


def spots_of(offsets: NDArray[np.float64]) -> Places:
    """A number for the place of every frame: two are the same within 0.01 mm or 1 % of the spacing.

    Args:
        offsets: Along the normal, mm.
    """
    order = np.argsort(offsets, kind="stable")
    gaps = np.diff(offsets[order])
    apart = gaps[gaps > SAME_PLACE_MM]
    least = max(SAME_PLACE_MM, SAME_PLACE * float(np.median(apart))) if len(apart) else SAME_PLACE_MM
    spots = np.empty(len(offsets), np.int64)
    spots[order] = np.concatenate([[0], np.cumsum(gaps > least)])
    return spots


def _judged(frames: Frames, order: Places) -> list[Stack]:
    """The stack of some frames in order; several where it is uneven and a discriminator makes even ones of it."""
    stack = _one(frames, order)
    if stack.status is not Status.IRREGULAR:
        return [stack]
    for parts in discriminators.even_parts(frames.take(order)):
        stacks = [_one(frames, order[part.places]) for part in parts]
        if all(one.status in EVEN for one in stacks):
            return [
                replace(one, split_by=part.split_by, split_value=part.split_value)
                for one, part in zip(stacks, parts, strict=True)
            ]
    return [stack]


def _one(frames: Frames, order: Places) -> Stack:
    """Judge slices that are in order and all at places of their own."""
    if len(order) < LEAST_SLICES:
        return Stack(order, Status.SHORT, sentence(Status.SHORT, slices=len(order)), geometry=_geometry(frames, order))
    geometry, even, bent = _measured(frames, order)
    tilted = geometry.tilt_deg > TILT_DEG
    status = even.status
    if bent:
        status = Status.IRREGULAR
    elif status in EVEN and tilted:
        status = Status.TILTED
    volumes: list[Run] = []
    if status in EVEN:
        volumes = [Run(order, status, "", "", geometry)]
    elif status in (Status.MISSING, Status.PIECEWISE):
        volumes = _runs(frames, order, even)
    said = sentence(
        status,
        slices=len(order),
        spacing_mm=geometry.spacing_mm,
        deviation=even.deviation,
        missing=even.missing,
        runs=tuple(
            (last - first, float(np.median(np.diff(geometry.offsets_mm[first:last]))))
            for first, last in even.runs
            if last - first > 1
        ),
        volumes=len(volumes),
        tilt_deg=geometry.tilt_deg,
        bent=bent,
    )
    return Stack(order, status, said, geometry=geometry, volumes=tuple(volumes))


def _runs(frames: Frames, order: Places, even: Evenness) -> list[Run]:
    """The volumes of a stack that is cut at its gaps, or where its spacing changes."""
    by = "gap" if even.status is Status.MISSING else "spacing"
    found = []
    for number, (first, last) in enumerate(even.runs, start=1):
        if last - first < LEAST_SLICES:
            continue
        geometry, run, bent = _measured(frames, order[first:last])
        if run.status in EVEN and geometry.tilt_deg <= TILT_DEG and not bent:
            found.append(Run(order[first:last], run.status, by, f"run {number} of {len(even.runs)}", geometry))
    return found


def _measured(frames: Frames, order: Places) -> tuple[Geometry, Evenness, bool]:
    """Geometry and evenness of slices in order, and whether some lie beside the line through the ends."""
    geometry = _geometry(frames, order)
    positions = frames.positions[order]
    step = geometry.affine_lps[:3, 2]
    along = (positions - positions[0]) @ (step / np.linalg.norm(step))
    even = evenness(geometry.offsets_mm)
    beside = (positions - positions[0]) - along[:, None] * (step / np.linalg.norm(step))
    pixel = float(frames.spacings[order[0]].min())
    bent = bool(np.linalg.norm(beside, axis=1).max() > max(BENT_MM, BENT * pixel))
    return replace(geometry, deviation=even.deviation), even, bent


def _geometry(frames: Frames, order: Places) -> Geometry:
    part = frames.take(order)
    orientation = part.orientations.mean(axis=0)
    orientation[:3] /= np.linalg.norm(orientation[:3])
    orientation[3:] /= np.linalg.norm(orientation[3:])
    line = normal(orientation)
    positions = part.positions
    slices = len(order)
    step = (positions[-1] - positions[0]) / (slices - 1) if slices > 1 else line
    spacing = (float(part["spacing_row_mm"].mean()), float(part["spacing_column_mm"].mean()))
    offsets = (positions - positions[0]) @ line
    median = float(np.median(np.linalg.norm(np.diff(positions, axis=0), axis=1))) if slices > 1 else 0.0
    tilt = lean_deg(step, line) if slices > 1 else 0.0
    return Geometry(affine_lps(orientation, spacing, positions[0], step), offsets, median, 0.0, tilt)
