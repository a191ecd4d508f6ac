"""The debiased calibration error with an interval, clustered by patient; and Cox's calibration line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from workbench.evaluation.calibration import equal_mass_bins
from workbench.runs.seeds import mix

SAMPLES = 4000
LEAST = 1e-6


@dataclass(frozen=True)
class SquaredError:
    """Debiased squared calibration error of one set of predictions.

    Attributes:
        value: As in ``calibration.CalibrationError.squared``, but with the variance of clustered scans taken off.
        low, high: 95 % interval of the true squared error; never below 0.
    """

    value: float
    low: float
    high: float


def squared_error_interval(
    probabilities: ArrayLike, labels: ArrayLike, groups: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> SquaredError:
    """Interval of the squared calibration error by inverting a test.

    The differences d between mean probability and observed share of the bins are nearly normal about the true ones,
    with the covariance C of sums over patients. A true error is inside the interval when a sum of squares as large (or
    as small) as the one seen is not too unlikely under it; the true differences are taken to point where the seen ones
    point.

    Args:
        probabilities: ``(N,)`` of the positive answer.
        labels: ``(N,)`` of 0 and 1.
        groups: ``(N,)`` patient of each.
        level: Coverage.
        seed: Of the simulation.

    Returns:
        nan under 20 cases.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    bins = equal_mass_bins(p)
    if not bins:
        return SquaredError(np.nan, np.nan, np.nan)
    patients, member = np.unique(np.asarray(groups), return_inverse=True)
    share = np.array([len(b) for b in bins]) / len(p)
    d = np.array([(p[b] - y[b]).mean() for b in bins])
    sums = np.zeros((len(patients), len(bins)))
    for k, b in enumerate(bins):
        np.add.at(sums[:, k], member[b], (p[b] - y[b] - d[k]) / len(b))
    covariance = len(patients) / max(len(patients) - 1, 1) * sums.T @ sums
    value = float(share @ (d**2 - np.diag(covariance)))
    # A bin without an event, or without a healthy case, shows no variance; that is no proof of none.
    size = np.array([len(b) for b in bins])
    smoothed = np.array([(y[b].sum() + 0.5) / (len(b) + 1) for b in bins])
    least = smoothed * (1 - smoothed) / size
    short = np.maximum(least - np.diag(covariance), 0)
    low, high = _inverted(d, covariance + np.diag(short), share, level, seed)
    return SquaredError(value, low, high)


def _inverted(
    d: NDArray[np.float64], covariance: NDArray[np.float64], share: NDArray[np.float64], level: float, seed: int
) -> tuple[float, float]:
    observed = float(share @ d**2)
    values, vectors = np.linalg.eigh(covariance)
    normal = np.random.default_rng(mix(seed, "calibration interval")).standard_normal((SAMPLES, len(d)))
    noise = normal @ (vectors * np.sqrt(np.maximum(values, 0))).T
    own, cross = (noise**2) @ share, 2 * noise @ (share * d)
    size = np.sqrt(max(observed, 1e-300))

    def above(root: float) -> float:
        """Probability of a sum at least as large as the one seen when the true error is root squared."""
        return float((own + root / size * cross + root**2 >= observed).mean())

    tail = (1 - level) / 2
    low = 0.0 if above(0.0) >= tail else _solve(above, tail, size)
    high = 0.0 if above(0.0) >= 1 - tail else _solve(above, 1 - tail, size)
    return low**2, high**2


def _solve(above: Callable[[float], float], wanted: float, size: float) -> float:
    """The root at which ``above`` reaches ``wanted``; it grows with the root."""
    low, high = 0.0, max(size, 1e-9)
    while above(high) < wanted and high < 10:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) < wanted else (low, middle)
    return high


@dataclass(frozen=True)
class CalibrationLine:
    """Cox's calibration line: logit of the truth = intercept + slope * logit of the probability.

    Attributes:
        intercept, slope: 0 and 1 when probabilities are true; a slope below 1 means they are too extreme.
        influence: ``(N, 2)`` how much each case moves them; they sum to zero.
    """

    intercept: float
    slope: float
    influence: NDArray[np.float64]


def calibration_line(probabilities: ArrayLike, labels: ArrayLike) -> CalibrationLine:
    """Fit Cox's line (Biometrika 1958) by Newton's method, with a weak prior N(0, 5) and N(1, 5) against separation.

    Args:
        probabilities: ``(N,)`` of the positive answer.
        labels: ``(N,)`` of 0 and 1.
    """
    z = logit(np.clip(np.asarray(probabilities, dtype=np.float64), LEAST, 1 - LEAST))
    y, x = np.asarray(labels, dtype=np.float64), np.column_stack([np.ones(len(z)), z])
    centre, ridge = np.array([0.0, 1.0]), np.eye(2) / 25
    found = centre.copy()
    for _ in range(50):
        q = expit(x @ found)
        hessian = x.T @ (x * (q * (1 - q))[:, None]) + ridge
        step = np.linalg.solve(hessian, x.T @ (y - q) - ridge @ (found - centre))
        found = found + step * min(1.0, 2 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    q = expit(x @ found)
    hessian = x.T @ (x * (q * (1 - q))[:, None]) + ridge
    each = np.linalg.solve(hessian, (x * (y - q)[:, None]).T).T
    return CalibrationLine(float(found[0]), float(found[1]), each - each.mean(axis=0))
