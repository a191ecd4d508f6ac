"""Does a picture look as if text were burned in? Signs only, without reading the text: people look at what they find.

The rules B4 to B6 of the intake: bright pixels outside an ultrasound's tissue regions; bright glyphs in line at the
border; the same over all frames of a clip. That none is found proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BAND = 0.12
"""Share of a side that the border band takes."""
NEAR_TOP = 0.15
"""A glyph's pixels are that close to the maximum, as a share of the range: letters have soft edges."""
SMALLEST, LARGEST = 8, 40
"""Height of a glyph, pixels."""
THINNEST, WIDEST = 0.1, 3.0
"""Width of a glyph over its height."""
IN_LINE, APART = 6, 3
"""So many glyphs stand on one line, within so many pixels."""
MOST_GLYPHS = 2000
OUTSIDE_BRIGHT = 0.25
"""Brightness over the maximum from which a pixel outside the tissue counts."""


def glyphs_in_line(grey: NDArray[np.float32], low: float, high: float) -> int:
    """The largest number of glyph-like components that stand on one line in a border band (B5).

    Args:
        grey: ``(rows, columns)``.
        low, high: Smallest and largest value of the picture.

    Returns:
        0, or at least ``IN_LINE``.
    """
    if high <= low:
        return 0
    limit = high - NEAR_TOP * (high - low)
    return max((_glyphs(band >= limit) for band in _bands(grey)), default=0)


class ConstantGlyphs:
    """Bright pixels that never change over the frames of a clip, and the glyphs among them (B6)."""

    def __init__(self) -> None:
        self.frames = 0
        self._first: NDArray[np.float32] | None = None
        self._same: NDArray[np.bool_] | None = None

    def add(self, grey: NDArray[np.float32]) -> None:
        """Look at one more frame, ``(rows, columns)``."""
        self.frames += 1
        if self._first is None or self._first.shape != grey.shape:
            self._first, self._same = grey.copy(), np.ones(grey.shape, bool)
        elif self._same is not None:
            self._same &= grey == self._first

    def in_line(self) -> int:
        """As ``glyphs_in_line``, over the whole picture; 0 for fewer than three frames or frozen clips."""
        if self.frames < 3 or self._first is None or self._same is None or self._same.all():
            return 0
        low, high = float(self._first.min()), float(self._first.max())
        if high <= low:
            return 0
        from scipy.ndimage import binary_dilation

        still = self._same & (self._first >= high - NEAR_TOP * (high - low))
        return _glyphs(binary_dilation(still, np.ones((3, 1), bool)))  # soft edges change with what lies under them


def bright_outside(grey: NDArray[np.float32], regions: Iterable[tuple[int, int, int, int]]) -> float | None:
    """Share of pixels outside all tissue regions that are brighter than a quarter of the maximum (B4).

    Args:
        grey: ``(rows, columns)``, from 0.
        regions: Left, top, right and bottom of each tissue region, the last two included.

    Returns:
        The share, or None where there is no region or nothing outside.
    """
    outside = np.ones(grey.shape, bool)
    any_region = False
    for left, top, right, bottom in regions:
        outside[top : bottom + 1, left : right + 1] = False
        any_region = True
    if not any_region or not outside.any():
        return None
    return float(np.count_nonzero(grey[outside] > OUTSIDE_BRIGHT * grey.max()) / np.count_nonzero(outside))


def _bands(grey: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    down, right = round(BAND * grey.shape[0]), round(BAND * grey.shape[1])
    bands = []
    if down >= SMALLEST:
        bands += [grey[:down], grey[-down:]]
    if right >= IN_LINE * 2:
        bands += [grey[down : grey.shape[0] - down, :right], grey[down : grey.shape[0] - down, -right:]]
    return [band for band in bands if band.size]


def _glyphs(bright: NDArray[np.bool_]) -> int:
    """The most glyph-like components in one line of a mask."""
    if min(bright.shape) < 2 or np.count_nonzero(bright) < IN_LINE * SMALLEST:
        return 0
    begins = bright[:, 1:] > bright[:, :-1]
    enough = IN_LINE * SMALLEST // 2
    if np.count_nonzero(begins) < enough or np.count_nonzero(np.count_nonzero(begins, axis=1) >= IN_LINE - 1) < 4:
        return 0
    from scipy.ndimage import find_objects, label

    marked, number = label(bright, np.ones((3, 3), int))
    if number > MOST_GLYPHS:
        return 0  # noise, not text
    feet = []
    for found in find_objects(marked):
        height = found[0].stop - found[0].start
        width = found[1].stop - found[1].start
        if SMALLEST <= height <= LARGEST and THINNEST <= width / height <= WIDEST:
            feet.append(found[0].stop)
    feet.sort()
    first = most = 0
    for last, foot in enumerate(feet):
        while foot - feet[first] > APART:
            first += 1
        most = max(most, last - first + 1)
    return most if most >= IN_LINE else 0
