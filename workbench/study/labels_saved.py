"""Labels saved: how many times fewer labels an arm needs to equal the reference, with an interval and censoring.

The horizontal distance between two monotone curves (Newell & Deng 2020 call it utility), with a parametric bootstrap
in which a curve that never reaches the other's level gives a bound in place of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPLICATES = 2000
ENOUGH_TEST_PATIENTS = 300

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """Labels of the reference for each label of the arm.

    Attributes:
        low_point, high_point: The estimate; they differ where it is censored.
        low, high: 95 % interval; 0 or infinite where the curves never meet within the data.
        largest: Largest ratio that the data could have shown, for the words.
    """

    low_point: float
    high_point: float
    low: float
    high: float
    largest: float = float("inf")

    @property
    def censored(self) -> bool:
        """Whether the estimate is a bound."""
        return self.low_point != self.high_point

    def __str__(self) -> str:
        if self.low == 0 and np.isinf(self.high):
            return "not estimable"
        if np.isinf(self.high):
            return f"> {self.low:.1f}x (the reference never got there within the data)"
        words = f"{self.low:.1f}-{self.high:.1f}x"
        if self.low == 0:
            text = f"< {self.high:.1f}x"
        else:
            text = words if self.censored else f"{self.low_point:.1f}x ({words})"
        return f"{text}: costs labels" if self.high < 1 else text


def monotone(theta: Floats, weights: Floats) -> Floats:
    """The nearest curve that never falls: max over i <= k of min over j >= k of the weighted mean of points i to j
    (Robertson, Wright & Dykstra 1988), for all replicates at once.

    Args:
        theta: ``(..., B)`` by growing budget; leading axes are replicates.
        weights: ``(B,)``, such as one over the variances.
    """
    count = theta.shape[-1]
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    sums = np.concatenate([np.zeros((*theta.shape[:-1], 1)), np.cumsum(theta * weights, axis=-1)], axis=-1)
    out = np.full(theta.shape, -np.inf)
    for first in range(count):
        means = (sums[..., first + 1 :] - sums[..., first, None]) / (mass[first + 1 :] - mass[first])
        least = np.minimum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
        out[..., first:] = np.maximum(out[..., first:], least)
    return out


def needed(level: float, budgets: Floats, curve: Floats) -> tuple[float, float]:
    """Least labels at which a rising curve reaches a level, as (at least, at most).

    Above the curve's end: (last budget, infinity). At or below its beginning: (0, first budget).
    """
    if level > curve[-1]:
        return float(budgets[-1]), float("inf")
    if level < curve[0]:
        return 0.0, float(budgets[0])
    after = int(np.searchsorted(curve, level, side="left"))
    if after == 0:
        return float(budgets[0]), float(budgets[0])
    x = -1 / np.sqrt(budgets)
    low, high = curve[after - 1], curve[after]
    share = (level - low) / (high - low)
    at = x[after - 1] + share * (x[after] - x[after - 1])
    n = float(1 / at**2)
    return n, n


def replicates(theta: Floats, sigma: Floats, df: float, *, count: int = REPLICATES, seed: int = 0) -> Floats:
    """``(count, M)`` curves that could have been: theta + Sigma^(1/2) z / sqrt(chi2/df)."""
    values, vectors = np.linalg.eigh((sigma + sigma.T) / 2)
    random = np.random.default_rng(seed)
    noise = random.standard_normal((count, len(theta))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    if np.isfinite(df):
        noise /= np.sqrt(random.chisquare(df, (count, 1)) / df)
    return theta + noise


def ratios(
    budgets: tuple[Sequence[float] | Floats, Sequence[float] | Floats],
    arm: Floats,
    reference: Floats,
    arm_samples: Floats,
    reference_samples: Floats,
    weights: tuple[Floats, Floats],
) -> list[Ratio]:
    """The ratio at each budget of the arm, with an interval-censored bootstrap.

    Args:
        budgets: Labels of the arm's points ``(B,)`` and of the reference's ``(B0,)``, growing.
        arm, reference: ``(B,)`` and ``(B0,)`` mean AUCs.
        arm_samples, reference_samples: ``(S, B)`` and ``(S, B0)`` replicates, drawn jointly.
        weights: ``(B,)`` and ``(B0,)``, one over the variances of the points.
    """
    own_n, n = (np.asarray(side, dtype=float) for side in budgets)
    point_a, point_0 = monotone(arm, weights[0]), monotone(reference, weights[1])
    all_a, all_0 = monotone(arm_samples, weights[0]), monotone(reference_samples, weights[1])
    found = []
    for place, own in enumerate(own_n):
        low_point, high_point = needed(point_a[place], n, point_0)
        ends = np.array([needed(a[place], n, zero) for a, zero in zip(all_a, all_0, strict=True)])
        low = float(np.quantile(ends[:, 0], 0.025, method="inverted_cdf"))
        high = float(np.quantile(ends[:, 1], 0.975, method="inverted_cdf"))
        found.append(Ratio(low_point / own, high_point / own, low / own, high / own, n[-1] / own))
    return found
