"""Where to draw the line between yes and no: thresholds from out-of-fold scores, never from test scans."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPECIFICITY = 0.9


@dataclass(frozen=True)
class Threshold:
    """A line: a score above ``value`` means yes.

    Attributes:
        value: nan where it is not defined.
        note: In words, why it is not defined; else empty.
    """

    value: float
    note: str = ""


def threshold_at_specificity(scores: ArrayLike, labels: ArrayLike, specificity: float = SPECIFICITY) -> Threshold:
    """The line that a new negative scan stays below with at least this probability.

    It is the ceil((n0 + 1) s)-th smallest score of the n0 negative scans (conformal quantile), so there must be at
    least s / (1 - s) of them: 9 for 0.90, 19 for 0.95.

    Args:
        scores: ``(n,)`` out-of-fold scores; nan where none.
        labels: ``(n,)`` of 0 and 1.
        specificity: s, between 0 and 1.
    """
    negative = _finite(scores, labels, 0)
    rank = _up((len(negative) + 1) * specificity)
    if rank > len(negative):
        needed = _up(specificity / (1.0 - specificity))
        return Threshold(np.nan, f"needs >= {needed} negatives, has {len(negative)}")
    return Threshold(float(np.sort(negative)[rank - 1]))


def threshold_at_sensitivity(scores: ArrayLike, labels: ArrayLike, sensitivity: float) -> Threshold:
    """The line that a new positive scan lies above with at least this probability; as ``threshold_at_specificity``.

    Args:
        scores: ``(n,)`` out-of-fold scores; nan where none.
        labels: ``(n,)`` of 0 and 1.
        sensitivity: Between 0 and 1.
    """
    positive = _finite(scores, labels, 1)
    rank = floor((len(positive) + 1) * (1.0 - sensitivity) + 1e-9)
    if rank < 1:
        needed = _up(sensitivity / (1.0 - sensitivity))
        return Threshold(np.nan, f"needs >= {needed} positives, has {len(positive)}")
    return Threshold(float(np.nextafter(np.sort(positive)[rank - 1], -np.inf)))


def balanced_threshold(scores: ArrayLike, labels: ArrayLike) -> Threshold:
    """The line with the best balanced accuracy out of fold, midway between two scores; of equals the one nearest to
    the middle of them all.

    Args:
        scores: ``(n,)`` out-of-fold scores; nan where none.
        labels: ``(n,)`` of 0 and 1.
    """
    positive, negative = _finite(scores, labels, 1), _finite(scores, labels, 0)
    if not len(positive) or not len(negative):
        return Threshold(np.nan, "needs out-of-fold scores of both classes")
    levels = np.unique(np.concatenate([positive, negative]))
    lines = np.concatenate([[levels[0] - 1e-6], (levels[1:] + levels[:-1]) / 2, [levels[-1] + 1e-6]])
    above = 1.0 - np.searchsorted(np.sort(positive), lines, side="right") / len(positive)
    below = np.searchsorted(np.sort(negative), lines, side="right") / len(negative)
    best = np.flatnonzero(above + below >= (above + below).max() - 1e-12)
    return Threshold(float(lines[best[len(best) // 2]]))


def _up(number: float) -> int:
    """Ceil, blind to rounding errors."""
    return ceil(number - 1e-9)


def _finite(scores: ArrayLike, labels: ArrayLike, wanted: int) -> NDArray[np.float64]:
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    return s[(y == wanted) & np.isfinite(s)]
