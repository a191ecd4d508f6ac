"""Whether slices are evenly spaced, and where a stack that is not may be cut.

Tolerances: 1 % as highdicom asks, 5 % and 0.1 mm as dicom2nifti allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.volumes.statuses import Status

FIRM, LOOSE, LOOSE_MM = 0.01, 0.05, 0.1
LEAST_SLICES = 4


@dataclass(frozen=True)
class Evenness:
    """What the gaps of a stack tell.

    Attributes:
        status: ``regular``, ``regular_jitter``, ``missing_slices``, ``piecewise`` or ``irregular``.
        spacing_mm: Median gap.
        deviation: Largest deviation from it, as a share.
        missing: Slices that are missing.
        runs: First slice and slice behind the last of every even run, where there are several.
    """

    status: Status
    spacing_mm: float
    deviation: float
    missing: int = 0
    runs: tuple[tuple[int, int], ...] = ()


def evenness(places: NDArray[np.float64]) -> Evenness:
    """Judge the places of slices.

    Args:
        places: Along one direction, mm, ascending, no two the same, at least two.
    """
    gaps = np.diff(places)
    spacing = float(np.median(gaps))
    off = np.abs(gaps - spacing)
    deviation = float(off.max() / spacing)
    if deviation <= FIRM:
        return Evenness(Status.REGULAR, spacing, deviation)
    if _alike(off, spacing).all():
        return Evenness(Status.JITTER, spacing, deviation)
    runs = _runs(gaps)
    long = [(first, last) for first, last in runs if last - first >= LEAST_SLICES - 1]
    times = np.rint(gaps / spacing)
    holes = times >= 1
    holes &= _alike(np.abs(gaps - times * spacing), spacing)
    changes = any(not _same(gaps[a[0] : a[1]], gaps[b[0] : b[1]]) for a, b in zip(long, long[1:], strict=False))
    if holes.all() and not changes:
        return _holed(spacing, deviation, times)
    inside = sum(last - first for first, last in long)
    between = len(gaps) - inside
    if len(long) >= 2 and between <= len(long) + 1:
        return Evenness(Status.PIECEWISE, spacing, deviation, 0, _pieces(long))
    if holes.all():
        return _holed(spacing, deviation, times)
    return Evenness(Status.IRREGULAR, spacing, deviation)


def _holed(spacing: float, deviation: float, times: NDArray[np.float64]) -> Evenness:
    cuts = [0, *(np.flatnonzero(times > 1) + 1).tolist(), len(times) + 1]
    pieces = tuple(zip(cuts, cuts[1:], strict=False))
    return Evenness(Status.MISSING, spacing, deviation, int((times - 1).sum()), pieces)


def _alike(off: NDArray[np.float64], spacing: float) -> NDArray[np.bool_]:
    return (off <= FIRM * spacing) | (off <= min(LOOSE * spacing, LOOSE_MM))


def _same(some: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    spacing = float(np.median(some))
    return bool(_alike(np.abs(np.median(others) - spacing)[None], spacing)[0])


def _runs(gaps: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches of gaps that are alike: first gap, and gap behind the last."""
    runs, first = [], 0
    for place in range(1, len(gaps) + 1):
        if place == len(gaps) or not _alike(np.abs(gaps[place] - gaps[first])[None], float(gaps[first]))[0]:
            runs.append((first, place))
            first = place
    return runs


def _pieces(runs: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Slices of each run of gaps; a slice between two runs goes to the first of them."""
    pieces, taken = [], 0
    for first, last in runs:
        start = max(first, taken)
        pieces.append((start, last + 1))
        taken = last + 1
    return tuple(pieces)
