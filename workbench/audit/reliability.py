"""Do probabilities mean what they say: recalibration inside the budget, calibration error, line and diagram.

Everything is a mean over draws, with the error of test patients, draws and pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from workbench.audit.question import Question
from workbench.audit.scores import Point, Subjects
from workbench.audit.strata import Stratum, joint, mean_stratum, side_of, statistic
from workbench.evaluation.calibration import calibrated, calibration_error, fit_temperature, reliability_table
from workbench.evaluation.calibration_interval import calibration_line, squared_error_interval
from workbench.study.contrasts import Contrast

LEAST = 1e-7
FEWEST_CASES = 200
Array = NDArray[np.float64]


def logits_of(probabilities: Array, *, multilabel: bool) -> Array:
    """Logits whose softmax (sigmoid for findings) gives back the probabilities."""
    p = np.clip(probabilities, LEAST, 1 - LEAST)
    return np.log(p) - np.log1p(-p) if multilabel else np.log(p)


def temperatures(point: Point, question: Question) -> Array:
    """``(R,)`` factor of each draw by which logits are multiplied, from its own out-of-fold scores; 1 without them."""
    task = "multilabel" if question.multilabel else "multiclass"
    if not point.inside:
        return np.ones(len(point.draws))
    return np.array(
        [
            fit_temperature(_finite(logits_of(each.probabilities, multilabel=question.multilabel)), each.targets, task)
            for each in point.inside
        ]
    )


def _finite(logits: Array) -> Array:
    return np.where(np.isfinite(logits).all(axis=1, keepdims=True), logits, np.nan)


def recalibrated(point: Point, question: Question) -> Array:
    """Probabilities ``(R, U, C)`` after each draw's temperature."""
    task = "multilabel" if question.multilabel else "multiclass"
    logits = logits_of(point.probabilities, multilabel=question.multilabel)
    return np.stack(
        [calibrated(z, factor, task) for z, factor in zip(logits, temperatures(point, question), strict=True)]
    ).astype(np.float64)


@dataclass(frozen=True)
class Reliability:
    """How far probabilities can be trusted.

    Attributes:
        error, low, high: Root of the debiased squared calibration error, with a 95 % interval; nan where there are too
            few cases.
        plain, plain_if_true: The plain expected calibration error, and what it would be if every probability were true.
        slope, intercept: Of Cox's calibration line; 1 and 0 when probabilities are true.
        brier, log_loss: Means over cases.
        skill: 1 - Brier score over that of always saying the prevalence.
    """

    error: float
    low: float
    high: float
    plain: float
    plain_if_true: float
    slope: Contrast
    intercept: Contrast
    brier: Contrast
    log_loss: Contrast
    skill: float


def reliability(
    point: Point, p: Array, truth: NDArray[np.int64], patients: NDArray[np.int64], *, pool_patients: int, seed: int = 0
) -> Reliability:
    """Of the probabilities ``(R, U)`` of yes.

    Args:
        point: Whose they are.
        p: ``(R, U)``.
        truth: ``(U,)``.
        patients: ``(U,)`` numbers of patients.
        pool_patients: N.
        seed: Of simulations.
    """
    count = int(patients.max()) + 1
    each = [squared_error_interval(row, truth, patients, seed=seed) for row in p]
    plain = [calibration_error(row, truth, seed=seed) for row in p]
    squared = np.array([found.value for found in each])
    low, high = _mover(squared, each, point, pool_patients)
    line = _line(point, p, truth, patients, count, pool_patients)
    brier = (p - truth) ** 2
    loss = -np.log(np.clip(np.where(truth == 1, p, 1 - p), LEAST, 1))
    rows = np.ones(len(truth), bool)
    means = [mean_stratum(name, rows, [(point, v)], patients, count) for name, v in (("brier", brier), ("loss", loss))]
    brier_found, loss_found = (joint([stratum], pool_patients).each()[0] for stratum in means)
    base = float(truth.mean() * (1 - truth.mean()))
    return Reliability(
        error=float(np.sqrt(max(squared.mean(), 0.0))) if np.isfinite(squared).all() else float("nan"),
        low=low,
        high=high,
        plain=float(np.mean([found.plain for found in plain])),
        plain_if_true=float(np.mean([found.plain_if_calibrated for found in plain])),
        slope=line[0],
        intercept=line[1],
        brier=brier_found,
        log_loss=loss_found,
        skill=1 - brier_found.estimate / base if base > 0 else float("nan"),
    )


def _mover(squared: Array, each: list[Any], point: Point, pool_patients: int) -> tuple[float, float]:
    """Ends of the root error over test patients, and over draws and pools beside them (Zou & Donner 2008)."""
    if not np.isfinite(squared).all():
        return float("nan"), float("nan")
    middle, draws = float(squared.mean()), len(squared)
    low, high = float(np.mean([found.low for found in each])), float(np.mean([found.high for found in each]))
    extra = 0.0
    if draws > 1:
        share = point.patients / (pool_patients - point.patients) if point.patients < pool_patients else 0.0
        extra = float(student.ppf(0.975, draws - 1)) ** 2 * float(squared.var(ddof=1)) * (1 / draws + share)
    low = middle - np.sqrt(max(middle - low, 0.0) ** 2 + extra)
    high = middle + np.sqrt(max(high - middle, 0.0) ** 2 + extra)
    return float(np.sqrt(max(low, 0.0))), float(np.sqrt(max(high, 0.0)))


def _line(
    point: Point, p: Array, truth: NDArray[np.int64], patients: NDArray[np.int64], count: int, pool: int
) -> tuple[Contrast, Contrast]:
    lines = [calibration_line(row, truth) for row in p]
    inside, side = side_of(truth, patients, count)
    found = []
    for place, name in ((1, "slope"), (0, "intercept")):
        values = np.array([getattr(line, name) for line in lines])
        moved = np.mean([line.influence[:, place] for line in lines], axis=0)
        cell = statistic(point, name, values, np.bincount(patients, moved, minlength=count).astype(float))
        found.append(joint([Stratum(name, [cell], inside, np.full_like(side, -1))], pool).each()[0])
    return found[0], found[1]


def diagram(p: Array, truth: NDArray[np.int64], weights: NDArray[np.floating], *, seed: int = 0) -> Any:
    """The numbers of a reliability diagram, a mean over draws, one row per equal-mass bin.

    Args:
        p: ``(R, U)`` probabilities of yes.
        truth: ``(U,)``.
        weights: ``(B, U)`` bootstrap weights of the test cases.
        seed: Of simulations.

    Returns:
        DataFrame: ``n, mean_probability, observed``; ``low, high`` (Wilson); ``band_low, band_high`` (bootstrap of
        patients); ``expected_low, expected_high`` (where 95 % would lie if every probability were true);
        ``draw_low, draw_high`` (middle 80 % of draws). Empty under 20 cases.
    """
    import pandas as pd

    tables = [reliability_table(row, truth, seed=seed) for row in p]
    if tables[0].empty:
        return tables[0]
    mean = pd.concat(tables).groupby(level=0).mean()
    observed = np.stack([table["observed"].to_numpy() for table in tables])
    drawn = []
    for row in p:
        order = np.argsort(row, kind="stable")
        bins = np.array_split(order, len(mean))
        y = weights * truth
        drawn.append(np.stack([y[:, b].sum(axis=1) / np.maximum(weights[:, b].sum(axis=1), 1e-9) for b in bins], 1))
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5], axis=0)
    spread = np.percentile(observed, [10, 90], axis=0)
    return pd.DataFrame(
        {
            "n": mean["n"],
            "mean_probability": mean["mean_probability"],
            "observed": mean["observed"],
            "low": mean["low"],
            "high": mean["high"],
            "band_low": low,
            "band_high": high,
            "expected_low": mean["expected_low"],
            "expected_high": mean["expected_high"],
            "draw_low": spread[0],
            "draw_high": spread[1],
        }
    )


def observed_over_expected(
    p: Array, truth: NDArray[np.int64], rows: NDArray[np.bool_], weights: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Positive cases over those expected among ``rows``, a mean over draws, with a 95 % bootstrap interval.

    Args:
        p: ``(R, U)`` probabilities of yes.
        truth: ``(U,)``.
        rows: ``(U,)`` bool.
        weights: ``(B, U)``.
    """
    y = truth[rows].astype(np.float64)
    expected = p[:, rows]
    value = float(np.mean(y.sum() / expected.sum(axis=1)))
    again = (weights[:, rows] @ y)[:, None] / np.maximum(weights[:, rows] @ expected.T, 1e-9)
    low, high = np.percentile(again.mean(axis=1), [2.5, 97.5])
    return value, float(low), float(high)


def shared_weights(subjects: Subjects, strata: NDArray[np.int64] | None, replicates: int, seed: int) -> Any:
    """Bootstrap weights ``(B, U)`` of test patients, within answer and, where given, group."""
    from workbench.evaluation.bootstrap import patient_weights

    codes = subjects.truth if strata is None else subjects.truth + 2 * strata
    return patient_weights(codes, subjects.patients, replicates=replicates, seed=seed)
