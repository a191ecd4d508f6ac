"""Comparisons: an estimate, its interval by Student's t, simultaneous bands, and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from workbench.evaluation.interval import wilson
from workbench.study.covariance import Covariance

BAND_SAMPLES = 20_000
ROUNDING = 1e-7


@dataclass(frozen=True)
class Contrast:
    """A linear comparison of mean AUCs.

    Attributes:
        estimate: Its value.
        se: Standard error.
        df: Degrees of freedom (infinite when ``se`` is 0).
    """

    estimate: float
    se: float
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval by Student's t."""
        if self.se == 0:
            return self.estimate, self.estimate
        half = float(student.ppf(0.5 + level / 2, self.df)) * self.se
        return self.estimate - half, self.estimate + half

    @property
    def p(self) -> float:
        """Two-sided p-value; 1 where both sides are identical."""
        if self.se == 0:
            return 1.0
        return float(2 * student.sf(abs(self.estimate) / self.se, self.df))


def contrast(
    theta: NDArray[np.float64], covariance: Covariance, weights: NDArray[np.float64], *, level: int = 2
) -> Contrast:
    """``weights @ theta`` with its error; level 1 is this pool, level 2 a new one."""
    variance, df = covariance.variance(weights, level=level)
    estimate = float(weights @ theta)
    if variance < ROUNDING**2:
        # An arm that equals its reference differs from it by rounding errors alone.
        return Contrast(0.0 if abs(estimate) < ROUNDING else estimate, 0.0, float("inf"))
    return Contrast(estimate, float(np.sqrt(variance)), df)


def area_weights(n: Sequence[float]) -> NDArray[np.float64]:
    """Trapezoid weights over the logarithm of the labels, summing to 1; one budget has weight 1."""
    x = np.log(np.asarray(n, dtype=float))
    if len(x) == 1:
        return np.ones(1)
    gaps = np.diff(x)
    weights = np.zeros(len(x))
    weights[:-1] += gaps / 2
    weights[1:] += gaps / 2
    return weights / weights.sum()


def curve_interval(estimate: float, se: float, df: float, patients: tuple[int, int]) -> tuple[float, float]:
    """Interval of one AUC on the logit scale, never narrower than the test set allows.

    Its variance is at least A(1-A) / m with m = 0.75 n - 1 (modified Wald; Kottas, Kuss & Zapf 2014). Where that floor
    counts, as at an AUC of 1, the interval is Wilson's for m trials, which stays sensible there.

    Args:
        estimate, se, df: Of the mean AUC.
        patients: Test patients of the smallest class, and of all.
    """
    fewest, total = patients
    edge = 1 / (2 * max(1, fewest) * max(1, total - fewest))
    inside = float(np.clip(estimate, edge, 1 - edge))
    spread, trials = inside * (1 - inside), max(0.75 * total - 1, 1)
    reach = float(student.ppf(0.975, df if np.isfinite(df) else max(total - 2, 1)))
    if se**2 > spread / trials and edge < estimate < 1 - edge:
        half = reach * se / spread
        low, high = expit(logit(inside) - half), expit(logit(inside) + half)
    else:
        low, high = wilson(estimate, trials, reach)
        low, high = min(low, estimate - reach * se), max(high, estimate + reach * se)
    low, high = max(low, 0.0), min(high, 1.0)
    return float(min(low, estimate)), float(max(high, estimate))


def simultaneous_factor(covariance: NDArray[np.float64], df: float, *, level: float = 0.95, seed: int = 0) -> float:
    """How many standard errors a band must be wide to hold everywhere at once (sup-t; Montiel Olea &
    Plagborg-Moller 2019).

    Args:
        covariance: ``(B, B)`` of the differences.
        df: Degrees of freedom.
        level: Coverage of the whole band.
        seed: Of the simulation.
    """
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    used = scale > ROUNDING
    if not used.any():
        return 0.0
    correlation = covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used])
    values, vectors = np.linalg.eigh(correlation)
    random = np.random.default_rng(seed)
    normal = random.standard_normal((BAND_SAMPLES, len(correlation))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    if np.isfinite(df):
        normal /= np.sqrt(random.chisquare(df, (BAND_SAMPLES, 1)) / df)
    return float(np.quantile(np.abs(normal).max(axis=1), level))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm 1979), in the order given."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted.tolist()


def holm_levels(p: Sequence[float], alpha: float = 0.05) -> list[float]:
    """Coverage of each interval when verdicts are Holm's: 1 - alpha / (comparisons not yet decided).

    The smallest p is judged at alpha / m; once one fails, it and all larger ones keep that step's level.
    """
    order = np.argsort(p, kind="stable")
    levels = np.empty(len(p))
    step, failed = len(p), False
    for place in order:
        levels[place] = 1 - alpha / step
        failed = failed or p[place] > alpha / step
        step -= 0 if failed else 1
    return levels.tolist()
