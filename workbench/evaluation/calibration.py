"""Whether a probability means what it says, and one temperature from the budget that makes it say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from workbench.evaluation.budget_rules import FEWEST_SCANS
from workbench.evaluation.interval import wilson
from workbench.evaluation.probe import to_probabilities
from workbench.runs.seeds import mix

MOST_BINS = 10
SCANS_PER_BIN = 20
SIMULATIONS = 500


def fit_temperature(oof_logits: ArrayLike, targets: ArrayLike, task: str) -> float:
    """Factor by which to multiply logits, from out-of-fold logits of the budget.

    Minimises the summed log-loss of ``exp(t) * logits`` plus ``t^2 / 2``: a prior N(0, 1) on the log of the factor
    keeps it finite in the smallest budgets. Under 20 scans it is 1. The order of scores, and so the AUC, stays.

    Args:
        oof_logits: ``(n, C)``; rows with nan are left out.
        targets: ``(n,)`` class indices or ``(n, L)`` of 0, 1 and nan.
        task: ``binary``, ``multiclass`` or ``multilabel``.
    """
    z, y = np.asarray(oof_logits, dtype=np.float64), np.asarray(targets)
    known = np.isfinite(z).all(axis=1)
    z, y = z[known], y[known]
    if len(z) < FEWEST_SCANS:
        return 1.0

    def loss(t: float) -> float:
        s = np.exp(t) * z
        if task == "multilabel":
            return float(np.nansum(np.logaddexp(0.0, s) - s * y)) + t * t / 2
        return float((logsumexp(s, axis=1) - s[np.arange(len(s)), y]).sum()) + t * t / 2

    found: Any = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def calibrated(logits: ArrayLike, factor: float, task: str) -> NDArray[np.float32]:
    """Probabilities ``(..., C)`` of logits ``(..., C)`` multiplied by the factor."""
    return to_probabilities(np.asarray(logits, dtype=np.float64) * factor, task)


@dataclass(frozen=True)
class CalibrationError:
    """How far probabilities are from shares.

    Attributes:
        squared: Debiased mean squared difference over equal-mass bins; around 0, also below, when calibrated
            (Broecker 2012; Kumar et al., NeurIPS 2019). nan under 20 scans.
        value: Its root, 0 where it is negative.
        plain: The plain expected calibration error on the same bins.
        plain_if_calibrated: What the plain error would be, on average, if every probability were true; 500 simulations.
        bins: Number of bins, min(10, n / 20).
    """

    squared: float
    value: float
    plain: float
    plain_if_calibrated: float
    bins: int


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> CalibrationError:
    """Calibration error of yes/no probabilities.

    Args:
        probabilities: ``(N,)`` of the positive answer. For several classes call it for each against the rest.
        labels: ``(N,)`` of 0 and 1.
        seed: Of the simulations.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    bins = equal_mass_bins(p)
    if not bins:
        return CalibrationError(np.nan, np.nan, np.nan, np.nan, 0)
    size = np.array([len(b) for b in bins])
    mean, share = np.array([p[b].mean() for b in bins]), np.array([y[b].mean() for b in bins])
    squared = float((size / len(p) * ((mean - share) ** 2 - share * (1 - share) / (size - 1))).sum())
    drawn = np.random.default_rng(mix(seed, "calibration")).random((SIMULATIONS, len(p))) < p
    simulated = np.stack([drawn[:, b].mean(axis=1) for b in bins], axis=1)
    null = float((np.abs(simulated - mean) * size).sum(axis=1).mean() / len(p))
    plain = float((np.abs(mean - share) * size).sum() / len(p))
    return CalibrationError(squared, float(np.sqrt(max(squared, 0.0))), plain, null, len(bins))


def reliability_table(probabilities: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> Any:
    """The numbers of a reliability diagram, one row per equal-mass bin.

    Args:
        probabilities: ``(N,)`` of the positive answer.
        labels: ``(N,)`` of 0 and 1.
        seed: Of the simulations.

    Returns:
        DataFrame: ``n, lowest, highest, mean_probability, observed``, Wilson's ``low, high`` of the observed share, and
        ``expected_low, expected_high``: where 95 % of shares would lie if every probability were true. Empty under 20
        scans.
    """
    import pandas as pd

    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    drawn = np.random.default_rng(mix(seed, "calibration")).random((SIMULATIONS, len(p))) < p
    rows = []
    for b in equal_mass_bins(p):
        low, high = wilson(y[b].mean(), len(b))
        expected = np.percentile(drawn[:, b].mean(axis=1), [2.5, 97.5])
        rows.append((len(b), p[b].min(), p[b].max(), p[b].mean(), y[b].mean(), float(low), float(high), *expected))
    names = ["n", "lowest", "highest", "mean_probability", "observed", "low", "high", "expected_low", "expected_high"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def equal_mass_bins(p: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Rows of each of min(10, n // 20) bins of equal size, from low to high probability."""
    count = min(MOST_BINS, len(p) // SCANS_PER_BIN)
    return np.array_split(np.argsort(p, kind="stable"), count) if count else []
