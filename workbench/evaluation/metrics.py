"""How good predictions are: each metric as a value, and with a 95 % interval over other patients.

Every metric takes weights ``(B, N)`` and gives ``(B,)``, so that all bootstrap replicates are one matrix product. The
AUC has its interval in closed form (``auc``), the others by the percentiles of a bootstrap of patients.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError
from workbench.evaluation.auc import Outcomes, influence, outcomes
from workbench.evaluation.bootstrap import REPLICATES, patient_weights
from workbench.evaluation.interval import FEWEST_PATIENTS, Interval, note_on_size, wilson
from workbench.evaluation.operating_point import SPECIFICITY, Threshold, balanced_threshold, threshold_at_specificity

Weights = NDArray[np.floating]
LEAST_PROBABILITY = 1e-7


def average_precision(scores: ArrayLike, labels: ArrayLike, weights: Weights | None = None) -> NDArray[np.float64]:
    """Average precision: sum of (R_k - R_{k-1}) P_k over distinct scores, no interpolation; chance is the prevalence.

    Args:
        scores: ``(N,)``.
        labels: ``(N,)`` of 0 and 1.
        weights: ``(B, N)``; default all 1.

    Returns:
        ``(B,)``; nan where nothing is positive.
    """
    s, y = np.asarray(scores), np.asarray(labels).astype(np.float64)
    w = np.ones((1, len(s))) if weights is None else weights
    order = np.argsort(-s, kind="stable")
    last = np.flatnonzero(np.append(np.diff(s[order]) != 0, True))
    taken = np.cumsum(w[:, order], axis=1, dtype=np.float64)[:, last]
    hits = np.cumsum(w[:, order] * y[order], axis=1, dtype=np.float64)[:, last]
    steps = np.diff(hits, axis=1, prepend=0.0)
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    return _share((steps * precision).sum(axis=1), hits[:, -1])


def rates(
    scores: ArrayLike, labels: ArrayLike, threshold: float, weights: Weights | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and specificity, ``(B,)`` each, when scores above the threshold mean yes.

    Args:
        scores: ``(N,)``.
        labels: ``(N,)`` of 0 and 1.
        threshold: From ``operating_point``.
        weights: ``(B, N)``; default all 1.
    """
    s, y = np.asarray(scores), np.asarray(labels).astype(bool)
    w = np.ones((1, len(s))) if weights is None else weights
    yes = s > threshold
    return (
        _share(w @ (yes & y).astype(np.float64), w @ y.astype(np.float64)),
        _share(w @ (~yes & ~y).astype(np.float64), w @ (~y).astype(np.float64)),
    )


def mean_recall(predicted: ArrayLike, labels: ArrayLike, weights: Weights | None = None) -> NDArray[np.float64]:
    """Balanced accuracy of several classes: the mean over the classes present of the share found, ``(B,)``.

    Args:
        predicted: ``(N,)`` class indices.
        labels: ``(N,)`` class indices.
        weights: ``(B, N)``; default all 1.
    """
    p, y = np.asarray(predicted), np.asarray(labels)
    w = np.ones((1, len(y))) if weights is None else weights
    each = [_share(w @ ((p == c) & (y == c)).astype(np.float64), w @ (y == c).astype(np.float64)) for c in np.unique(y)]
    return np.mean(each, axis=0)


def accuracy(
    probabilities: NDArray[np.floating], targets: NDArray[Any], weights: Weights | None = None
) -> NDArray[np.float64]:
    """Share of scans whose most probable class is the right one; several findings: the mean over them, at 0.5.

    Args:
        probabilities: ``(N, C)``.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        weights: ``(B, N)``; default all 1.

    Returns:
        ``(B,)``.
    """
    p, y = np.asarray(probabilities), np.asarray(targets)
    w = np.ones((1, len(y))) if weights is None else weights
    if y.ndim == 1:
        return _share(w @ (p.argmax(axis=1) == y).astype(np.float64), w.sum(axis=1, dtype=np.float64))
    known = ~np.isnan(y)
    right = ((p > 0.5) == (y == 1)) & known
    seen = known.any(axis=0)
    each = _share(w @ right[:, seen].astype(np.float64), w @ known[:, seen].astype(np.float64))
    return np.nanmean(each, axis=1)


def brier_of_each(probabilities: NDArray[np.floating], targets: NDArray[Any]) -> NDArray[np.float64]:
    """Squared error of each scan's probabilities, ``(N,)``.

    Binary: (p - y)^2 of the positive class; several classes: summed over classes (Brier 1950); multi-label: mean over
    known labels.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if targets.ndim == 2:
        return np.nanmean((p - targets) ** 2, axis=1)
    if p.shape[1] == 2:
        return (p[:, 1] - targets) ** 2
    return ((p - np.eye(p.shape[1])[targets]) ** 2).sum(axis=1)


def log_loss_of_each(probabilities: NDArray[np.floating], targets: NDArray[Any]) -> NDArray[np.float64]:
    """Negative log-likelihood of each scan, ``(N,)``, in nats; multi-label: mean over known labels."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    if targets.ndim == 2:
        return np.nanmean(-(targets * np.log(p) + (1.0 - targets) * np.log1p(-p)), axis=1)
    return -np.log(p[np.arange(len(p)), targets])


def thresholds_from(
    oof_probabilities: ArrayLike, targets: ArrayLike, *, specificity: float = SPECIFICITY
) -> dict[str, list[Threshold]]:
    """Thresholds for every class or label from out-of-fold scores of the budget.

    Args:
        oof_probabilities: ``(n, C)``; nan where none.
        targets: ``(n,)`` class indices or ``(n, L)``.
        specificity: Wanted at the operating point.

    Returns:
        ``balanced`` and ``operating``, each with one threshold per column.
    """
    p, y = np.asarray(oof_probabilities), np.asarray(targets)
    yes = y if y.ndim == 2 else (y[:, None] == np.arange(p.shape[1])).astype(np.float64)
    columns = range(p.shape[1])
    return {
        "balanced": [balanced_threshold(p[:, c], yes[:, c]) for c in columns],
        "operating": [threshold_at_specificity(p[:, c], yes[:, c], specificity) for c in columns],
    }


def measure(
    probabilities: ArrayLike,
    targets: ArrayLike,
    groups: ArrayLike,
    thresholds: dict[str, list[Threshold]] | None = None,
    *,
    only: Collection[str] | None = None,
) -> dict[str, float]:
    """The metrics of ``evaluate`` without intervals: fast, for many draws.

    Args:
        probabilities: ``(N, C)``.
        targets: ``(N,)`` class indices or ``(N, L)`` of 0, 1 and nan.
        groups: ``(N,)`` patient of each scan (they decide which labels can be judged).
        thresholds: As ``thresholds_from`` gives them; without, sensitivity and specificity are nan.
        only: Names of the metrics wanted; all when None.
    """
    p, y, patients = _checked(probabilities, targets, groups)
    made = _metrics(p, y, outcomes(y, patients, classes=p.shape[1]), thresholds)
    found = {"auc": float(influence(p, y, patients).auc)} if only is None or "auc" in only else {}
    wanted = {name: function for name, (function, _) in made.items() if only is None or name in only}
    return found | {name: float(function(np.ones((1, len(p))))[0]) for name, function in wanted.items()}


def evaluate(
    probabilities: ArrayLike,
    targets: ArrayLike,
    groups: ArrayLike,
    *,
    thresholds: dict[str, list[Threshold]] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Interval]:
    """All metrics of one set of predictions, each with a 95 % interval clustered by patient.

    Args:
        probabilities: ``(N, C)`` (binary: C = 2; multi-label: C = L).
        targets: ``(N,)`` class indices or ``(N, L)`` of 0, 1 and nan.
        groups: ``(N,)`` patient of each scan or exam.
        thresholds: From out-of-fold scores, as ``thresholds_from`` gives them. Without them balanced accuracy is taken
            at 0.5, and sensitivity and specificity are nan.
        replicates: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        ``auc, average_precision, accuracy, balanced_accuracy, sensitivity, specificity, brier, log_loss``; for
        several classes or labels the mean over them (one against the rest), save the accuracy of several classes.

    Raises:
        InputError: Shapes do not fit, or probabilities are not finite.
    """
    p, y, patients = _checked(probabilities, targets, groups)
    kinds = outcomes(y, patients, classes=p.shape[1])
    count = len(np.unique(patients))
    found = {"auc": influence(p, y, patients).interval()}
    weights = patient_weights(y, patients, replicates=replicates, seed=seed)
    whole = np.ones((1, len(p)), np.float32)
    for name, (function, note) in _metrics(p, y, kinds, thresholds).items():
        value = float(function(whole)[0])
        low, high = np.nan, np.nan
        note = note or note_on_size(kinds.fewest)
        if np.isfinite(value) and kinds.fewest >= FEWEST_PATIENTS:
            low, high = np.nanpercentile(function(weights), [2.5, 97.5])
            if name in ("sensitivity", "specificity") and value in (0.0, 1.0):
                low, high = wilson(value, kinds.fewest)
        found[name] = Interval(value, float(min(low, value)), float(max(high, value)), len(p), count, note)
    return found


Metric = Callable[[Weights], NDArray[np.float64]]


def _metrics(
    p: NDArray[np.float64], y: NDArray[Any], kinds: Outcomes, thresholds: dict[str, list[Threshold]] | None
) -> dict[str, tuple[Metric, str]]:
    """Each metric as a function of weights, with a note on it."""
    missing = [Threshold(np.nan, "needs out-of-fold scores")] * p.shape[1]
    given = thresholds or {"balanced": [Threshold(0.5)] * p.shape[1], "operating": missing}
    operating, balanced = given["operating"], given["balanced"]
    used = [column for column, _, _ in kinds.columns]
    note, note_balanced = (next((lines[c].note for c in used if lines[c].note), "") for lines in (operating, balanced))
    brier, loss = brier_of_each(p, y), log_loss_of_each(p, y)

    def macro(metric: Callable[[int, NDArray[Any], NDArray[Any], Weights], NDArray[np.float64]]) -> Metric:
        def over(w: Weights) -> NDArray[np.float64]:
            each = [metric(c, target[known], p[known, c], w[:, known]) for c, target, known in kinds.columns]
            return np.mean(each, axis=0) if each else np.full(len(w), np.nan)

        return over

    def rate(side: int, lines: list[Threshold]) -> Metric:
        def at_line(c: int, target: NDArray[Any], s: NDArray[Any], w: Weights) -> NDArray[np.float64]:
            line = lines[c].value
            return rates(s, target, line, w)[side] if np.isfinite(line) else np.full(len(w), np.nan)

        return macro(at_line)

    if y.ndim == 1 and p.shape[1] > 2:
        balanced_accuracy: Metric = lambda w: mean_recall(p.argmax(axis=1), y, w)  # noqa: E731
        note_balanced = ""
    else:
        balanced_accuracy = lambda w: (rate(0, balanced)(w) + rate(1, balanced)(w)) / 2  # noqa: E731
    return {
        "average_precision": (macro(lambda c, target, s, w: average_precision(s, target, w)), ""),
        "accuracy": (lambda w: accuracy(p, y, w), ""),
        "balanced_accuracy": (balanced_accuracy, note_balanced),
        "sensitivity": (rate(0, operating), note),
        "specificity": (rate(1, operating), note),
        "brier": (lambda w: _share(w @ brier, w.sum(axis=1)), ""),
        "log_loss": (lambda w: _share(w @ loss, w.sum(axis=1)), ""),
    }


def _checked(
    probabilities: ArrayLike, targets: ArrayLike, groups: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    p, y, patients = np.asarray(probabilities, dtype=np.float64), np.asarray(targets), np.asarray(groups)
    if p.ndim != 2 or len(y) != len(p) or len(patients) != len(p) or (y.ndim == 2 and y.shape != p.shape):
        raise InputError(
            "Probabilities, targets and groups do not fit together.",
            where=f"probabilities {p.shape}, targets {y.shape}, groups {patients.shape}",
        )
    if not len(p):
        raise InputError("There is nothing to evaluate: the test set is empty.")
    if not np.isfinite(p).all():
        raise InputError("Probabilities are not all finite.", todo="Look for scans without a prediction.")
    return p, y, patients


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(whole, np.nan, dtype=np.float64), where=whole > 0)
