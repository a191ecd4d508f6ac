"""A few numbers about one picture, taken while the index has its pixels in hand (0.1 ms for 512 by 512).

The smallest and largest value are taken over all pixels, the rest over a regular sample of about 7,000, which is
precise to about a percent: the rules ask for shares of 5 % and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from workbench.dicom.frame import Frame

NAMES = (
    "low",
    "high",
    "std",
    "mode_share",
    "low_share",
    "high_share",
    "levels",
    "span",
    "combing",
    "corner_contrast",
    "grid8",
    "air_hu",
    "padding_share",
)
"""What ``statistics_of`` says, all floats or None:

``low, high``: smallest and largest value outside padding. ``std``: standard deviation. ``mode_share``: share of the
commonest value. ``low_share, high_share``: radiographs only, shares at ``low`` and at ``high``, without collimated
borders. ``levels``: different values in the sample. ``span``: whole numbers from the 1st to the 99th percentile, both
included. ``combing``: share of them that occur nowhere although they should. ``corner_contrast``: radiographs only,
mean of the corners less mean of the middle, over the range of the percentiles. ``grid8``: up to 8 bits only, steps at
every eighth column over steps elsewhere. ``air_hu``: CT only, the commonest value of those from -1500 to -500 HU;
None where there are none. ``padding_share``: share of padding.
"""

RADIOGRAPHS = ("CR", "DX", "MG", "IO", "PX", "RG", "DR")
"""Modalities of which the rules about radiographs speak."""

SAMPLE = 80
"""Rows and columns of the sample."""
COLLIMATED = 0.95
"""A line at the border belongs to the collimator if this share of it has one extreme value."""
SUSPECT_COMBING = 0.4
GRID = 8
GRID_ROWS = 16
AIR_HU, PADDING_HU = -500.0, -1500.0
AIR_BIN_HU = 10.0


def statistics_of(frame: Frame) -> dict[str, float | None]:
    """The numbers of one frame, under ``NAMES``.

    Args:
        frame: A calibrated frame: ``values`` float32 ``(rows, columns)``, or ``(rows, columns, 3)``, whose green
            channel then stands for the whole.
    """
    grey = frame.values if frame.values.ndim == 2 else frame.values[..., 1]
    sample = _sample(grey)
    padding = _sample(frame.padding)
    padded = bool(padding.any())
    plain = sample[~padding] if padded else sample.ravel()
    found: dict[str, float | None] = dict.fromkeys(NAMES)
    found["padding_share"] = round(float(padding.mean()), 4) if padded else 0.0
    if not plain.size:
        return found
    order = np.sort(plain)
    if padded:
        low, high = float(order[0]), float(order[-1])
    else:
        low, high = frame.extremes if grey is frame.values else (float(grey.min()), float(grey.max()))
    bottom, top = float(order[order.size // 100]), float(order[order.size - 1 - order.size // 100])
    starts = np.flatnonzero(order[1:] != order[:-1])
    longest = int((starts[1:] - starts[:-1]).max(initial=0)) if starts.size else 0
    longest = max(longest, int(starts[0]) + 1, order.size - 1 - int(starts[-1])) if starts.size else order.size
    found.update(
        low=low,
        high=high,
        std=_spread(plain),
        mode_share=longest / order.size,
        levels=starts.size + 1.0,
        span=top - bottom + 1.0,
    )
    if frame.bits_stored <= 8:
        found["grid8"] = _grid(grey)
    radiograph = frame.modality in RADIOGRAPHS
    if radiograph and high > low:
        inside = plain if padded else sample[_uncollimated(sample, low, high)]
        found["low_share"] = float(np.count_nonzero(inside <= low)) / max(1, inside.size)
        found["high_share"] = float(np.count_nonzero(inside >= high)) / max(1, inside.size)
    if radiograph and top > bottom:
        found["corner_contrast"] = _corner_contrast(sample, padding if padded else None) / (top - bottom)
    if frame.whole and top > bottom:
        found["combing"] = _combing(grey, frame.padding if padded else None, order, bottom, top)
    if frame.units == "HU":
        found["air_hu"] = _air(order)
    return found


def _sample(picture: NDArray) -> NDArray:
    """At most about ``SAMPLE`` rows and columns, evenly spaced, away from the very edge."""
    steps = [max(1, round(length / SAMPLE)) for length in picture.shape]
    return np.ascontiguousarray(picture[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]])


def _spread(plain: NDArray[np.float32]) -> float:
    apart = plain - plain.mean()
    return float(np.sqrt(np.dot(apart, apart) / apart.size))


def _uncollimated(sample: NDArray[np.float32], low: float, high: float) -> tuple[slice, slice]:
    """The part of the sample inside the lines at its border that hold one extreme value."""
    rows, columns = sample.shape
    extreme = ((sample <= low) | (sample >= high)).astype(np.float32)
    if not extreme[0].any() and not extreme[-1].any() and not extreme[:, 0].any() and not extreme[:, -1].any():
        return slice(0, rows), slice(0, columns)
    down = np.flatnonzero(extreme @ np.ones(columns, np.float32) < COLLIMATED * columns)
    right = np.flatnonzero(np.ones(rows, np.float32) @ extreme < COLLIMATED * rows)
    return (
        slice(int(down[0]), int(down[-1]) + 1) if down.size else slice(0, rows),
        slice(int(right[0]), int(right[-1]) + 1) if right.size else slice(0, columns),
    )


def _corner_contrast(sample: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> float:
    """Mean of the four corners, an eighth of the sides each, less the mean of the middle half; without padding."""
    rows, columns = sample.shape
    down, right = max(1, rows // 8), max(1, columns // 8)
    places = [(y, x) for y in (slice(0, down), slice(-down, None)) for x in (slice(0, right), slice(-right, None))]
    half = (slice(rows // 4, rows // 4 + (rows + 1) // 2), slice(columns // 4, columns // 4 + (columns + 1) // 2))
    if padding is None:
        return sum(_sum(sample[place]) for place in places) / (4 * down * right) - float(sample[half].mean())
    corners = np.concatenate([sample[place][~padding[place]] for place in places])
    middle = sample[half][~padding[half]]
    return float(corners.mean() - middle.mean()) if corners.size and middle.size else 0.0


def _sum(part: NDArray[np.float32]) -> float:
    return float(np.add.reduce(part, axis=None))


def _combing(
    grey: NDArray[np.float32], padding: NDArray[np.bool_] | None, order: NDArray, bottom: float, top: float
) -> float:
    """Share of the whole numbers between the percentiles that no pixel has though their neighbourhood is frequented.

    The sample decides whether all pixels are looked at.
    """
    span = int(top - bottom) + 1
    inside = order[np.searchsorted(order, bottom) : np.searchsorted(order, top, side="right")]
    distinct = 1 + int(np.count_nonzero(inside[1:] != inside[:-1]))
    expected = span * -np.expm1(-inside.size / span)
    if span < 16 or distinct > (1 - SUSPECT_COMBING) * expected:
        return 0.0
    width = min(span, 31)
    near = np.bincount((inside - np.float32(bottom)).astype(np.int64), minlength=span)
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(near)])
    density = (sums[width:] - sums[:-width]) / width  # where few values are frequent, fewer are expected
    if distinct > (1 - SUSPECT_COMBING) * float(-np.expm1(-density).sum()):
        return 0.0
    plain = grey.ravel() if padding is None else grey[~padding]
    whole = plain[(plain >= bottom) & (plain <= top)]
    counts = np.bincount((whole - np.float32(bottom)).astype(np.int64), minlength=span)
    around = np.convolve(counts, np.full(width, 1.0 / width), mode="same")
    return float(np.mean((counts == 0) & (around >= 3.0)))


def _grid(grey: NDArray[np.float32]) -> float | None:
    """Steps between columns at the strongest of eight offsets over the median of the offsets; 1 without a grid."""
    rows, columns = grey.shape
    whole = (columns - 1) // GRID * GRID
    if whole < 4 * GRID:
        return None
    lines = grey[:: max(1, rows // GRID_ROWS), : whole + 1]
    steps = np.abs(np.diff(lines, axis=1)).sum(axis=0).reshape(-1, GRID).sum(axis=0)
    usual = float(np.median(steps))
    return float(steps.max()) / usual if usual > 0 else None


def _air(order: NDArray[np.float32]) -> float | None:
    below = order[np.searchsorted(order, PADDING_HU) : np.searchsorted(order, AIR_HU)]
    if not below.size:
        return None
    bins = np.floor(below / AIR_BIN_HU).astype(np.int64)
    counts = np.bincount(bins - bins[0])
    return float((int(counts.argmax()) + int(bins[0]) + 0.5) * AIR_BIN_HU)
