"""Net benefit: whether acting on the model does more good than acting on everybody or nobody.

Vickers & Elkin, Medical Decision Making 2006; how to read it: Vickers, van Calster & Steyerberg 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = NDArray[np.floating]


def net_benefit(
    probabilities: ArrayLike,
    labels: ArrayLike,
    thresholds: ArrayLike,
    weights: Weights | None = None,
    *,
    prevalence: float | None = None,
) -> NDArray[np.float64]:
    """True positives per case minus false positives per case times the odds of the threshold.

    Args:
        probabilities: ``(N,)`` of the positive answer, calibrated.
        labels: ``(N,)`` of 0 and 1.
        thresholds: ``(T,)`` probabilities from which on one acts, between 0 and 1.
        weights: ``(B, N)``; default all 1.
        prevalence: Of the place of use, where it differs: sensitivity and specificity are then weighted by it. Give
            probabilities that were shifted there.

    Returns:
        ``(B, T)``; nan where a class has no case.
    """
    p, y, t = np.asarray(probabilities, dtype=np.float64), np.asarray(labels).astype(bool), np.atleast_1d(thresholds)
    w = np.ones((1, len(p))) if weights is None else np.asarray(weights, dtype=np.float64)
    acted = (p[:, None] >= t).astype(np.float64)
    odds = t / (1 - t)
    positive, negative = w[:, y].sum(axis=1, keepdims=True), w[:, ~y].sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, false_alarms = (w[:, y] @ acted[y]) / positive, (w[:, ~y] @ acted[~y]) / negative
        share = positive / (positive + negative) if prevalence is None else prevalence
        return share * sensitivity - (1 - share) * false_alarms * odds


def treat_all(prevalence: Any, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Net benefit of acting on everybody, ``(..., T)``; acting on nobody has 0."""
    t = np.atleast_1d(thresholds)
    share = np.asarray(prevalence, dtype=np.float64)[..., None]
    return share - (1 - share) * t / (1 - t)


def interventions_avoided(
    benefit: NDArray[np.float64], everybody: NDArray[np.float64], thresholds: ArrayLike
) -> NDArray[np.float64]:
    """Interventions saved per 100 cases against acting on everybody, at no loss of a true positive."""
    t = np.atleast_1d(thresholds)
    return 100 * (benefit - everybody) / (t / (1 - t))
