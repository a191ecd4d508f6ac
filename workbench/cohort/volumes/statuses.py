"""What is said of a stack of slices: one status, and one plain sentence."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Whether a stack is even enough to be a volume, or what keeps it from being one."""

    REGULAR = "regular"
    JITTER = "regular_jitter"
    MISSING = "missing_slices"
    PIECEWISE = "piecewise"
    IRREGULAR = "irregular"
    TILTED = "tilted"
    SHORT = "short_stack"
    AMBIGUOUS = "ambiguous_stack"
    MIXED = "mixed_orientations"
    LOCALIZER = "localizer"
    NO_GEOMETRY = "no_geometry"
    BAD_ORIENTATION = "bad_orientation"
    MOSAIC = "mosaic"
    COLOUR = "colour"


EVEN = (Status.REGULAR, Status.JITTER)
"""Volumes as they are."""
UNFIT_FOR_2D = (Status.AMBIGUOUS, Status.LOCALIZER)
"""Their frames are kept out of pools until somebody includes them."""
MEANINGS = {
    Status.REGULAR: "evenly spaced slices: a volume",
    Status.JITTER: "spacing varies by up to 5 % and 0.1 mm: used as a volume",
    Status.MISSING: "evenly spaced but for missing slices: a volume on each side of every gap",
    Status.PIECEWISE: "two or more runs, each even: a volume of each run",
    Status.IRREGULAR: "no even spacing: slices alone",
    Status.TILTED: "evenly spaced along a line that leans (gantry tilt): slices alone until it is straightened",
    Status.SHORT: "fewer than four slices: slices alone",
    Status.AMBIGUOUS: "several pictures at the same place and nothing that tells them apart: kept aside",
    Status.MIXED: "slices in several directions, fewer than four in each: slices alone",
    Status.LOCALIZER: "planning pictures: listed and kept aside",
    Status.NO_GEOMETRY: "position, orientation or pixel spacing is not stated: slices alone",
    Status.BAD_ORIENTATION: "the stated directions of row and column are not at right angles: slices alone",
    Status.MOSAIC: "one picture holds all slices as tiles: pictures alone",
    Status.COLOUR: "colour pictures: pictures alone",
}


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 slice``, ``384 slices``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence(
    status: Status,
    *,
    slices: int,
    spacing_mm: float = 0.0,
    deviation: float = 0.0,
    missing: int = 0,
    runs: tuple[tuple[int, float], ...] = (),
    volumes: int = 0,
    tilt_deg: float = 0.0,
    bent: bool = False,
    most: int = 0,
    orientations: int = 0,
) -> str:
    """One sentence for a person who never heard of these statuses.

    Args:
        status: The status.
        slices: Slices of the stack.
        spacing_mm: Median distance between slices.
        deviation: Largest deviation from it, as a share.
        missing: Slices that are missing.
        runs: Slices and spacing of each run.
        volumes: Volumes made of it.
        tilt_deg: Angle between the stack's line and the normal.
        bent: Whether slices lie beside the line through the first and the last.
        most: Most pictures at one place; for a short stack, the number of places.
        orientations: Directions in which slices lie.
    """
    number, made = count(slices, "slice"), _made(volumes)
    if status is Status.REGULAR:
        return f"{number}, {spacing_mm:.2f} mm apart: a regular volume."
    if status is Status.JITTER:
        return f"{number}, {spacing_mm:.2f} mm apart give or take {100 * deviation:.1f} %: used as a volume."
    if status is Status.MISSING:
        are = "is" if missing == 1 else "are"
        return f"{count(missing, 'slice')} of an even stack {are} missing; {number} are there, {made}."
    if status is Status.PIECEWISE and len({f"{gap:.2f}" for _, gap in runs}) == 1:
        parts = " and ".join(str(part) for part, _ in runs)
        return f"Odd gaps part the stack into runs of {parts} slices, {runs[0][1]:.2f} mm apart: {made}."
    if status is Status.PIECEWISE:
        parts = ", then ".join(f"{part} slices {gap:.2f} mm apart" for part, gap in runs)
        return f"The spacing changes within the stack ({parts}): {made}."
    if status is Status.IRREGULAR:
        why = "shifted against each other" if bent else "unevenly spaced"
        return f"{number}, {why}: used one by one, not as a volume."
    if status is Status.TILTED:
        return (
            f"{number}, {spacing_mm:.2f} mm apart along a line that leans by {tilt_deg:.1f}° (gantry tilt): used one "
            "by one, not as a volume, unless it is straightened."
        )
    if status is Status.SHORT and 0 < most < slices:
        return f"{count(slices, 'picture')} at {count(most, 'place')}: too few places for a volume, used one by one."
    if status is Status.SHORT:
        return f"Only {number}: too few for a volume, used one by one."
    if status is Status.AMBIGUOUS:
        return f"Up to {count(most, 'picture')} at the same place and nothing that tells them apart: kept aside."
    if status is Status.MIXED:
        return f"{number} in {orientations} directions, as planning pictures are: used one by one, not as a volume."
    if status is Status.LOCALIZER:
        return f"{count(slices, 'planning picture')} (localizer): kept out of training."
    if status is Status.COLOUR:
        return f"{count(slices, 'colour picture')}: not a volume."
    if status is Status.MOSAIC:
        return f"{count(slices, 'picture')} that each hold a whole stack as tiles: not taken apart, not a volume."
    if status is Status.BAD_ORIENTATION:
        return f"{number} whose rows and columns are not at right angles, says the header: used one by one."
    return f"{number} without a stated position, orientation or pixel spacing: used one by one, not as a volume."


def _made(volumes: int) -> str:
    return f"made into {count(volumes, 'volume')}" if volumes else "used one by one, not as a volume"
