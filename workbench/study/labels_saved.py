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
LARGEST_FACTOR = 20.0
SHIFT_GRID = 401
FEWEST_TERMS = 4
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
        if self.low == 0:
            return f"< {self.high:.1f}x"
        words = f"{self.low:.1f}-{self.high:.1f}x"
        text = words if self.censored else f"{self.low_point:.1f}x ({words})"
        return f"{text}: costs labels" if self.high < 1 else text


def monotone(theta: Floats, weights: Floats) -> Floats:
    """The nearest curve that never falls (pool adjacent violators).

    Args:
        theta: ``(..., B)`` by growing budget; leading axes are replicates.
        weights: ``(B,)``, such as one over the variances.
    """
    rows = np.atleast_2d(theta)
    out = np.empty_like(rows)
    for place, row in enumerate(rows):
        blocks: list[list[float]] = []
        for value, weight in zip(row, weights, strict=True):
            blocks.append([value, weight, 1])
            while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
                second, first = blocks.pop(), blocks.pop()
                mass = first[1] + second[1]
                mean = (first[0] * first[1] + second[0] * second[1]) / mass
                blocks.append([mean, mass, first[2] + second[2]])
        out[place] = np.concatenate([np.full(int(size), value) for value, _, size in blocks])
    return out.reshape(theta.shape)


def height(n: Floats, budgets: Floats, curve: Floats) -> Floats:
    """The curve at ``n`` labels: linear in -1/sqrt(n) between budgets, nan outside them."""
    inside = np.interp(-1 / np.sqrt(n), -1 / np.sqrt(budgets), curve)
    return np.where((n >= budgets[0] * (1 - 1e-9)) & (n <= budgets[-1] * (1 + 1e-9)), inside, np.nan)


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
    budgets: Sequence[float],
    arm: Floats,
    reference: Floats,
    arm_samples: Floats,
    reference_samples: Floats,
    weights: tuple[Floats, Floats],
) -> list[Ratio]:
    """The ratio at each budget of the arm, with an interval-censored bootstrap.

    Args:
        budgets: ``(B,)`` labels, growing, the same for both curves.
        arm, reference: ``(B,)`` mean AUCs.
        arm_samples, reference_samples: ``(S, B)`` replicates, drawn jointly.
        weights: ``(B,)`` each, of the two curves' points.
    """
    n = np.asarray(budgets, dtype=float)
    point_a, point_0 = monotone(arm, weights[0]), monotone(reference, weights[1])
    all_a, all_0 = monotone(arm_samples, weights[0]), monotone(reference_samples, weights[1])
    found = []
    for place, own in enumerate(n):
        low_point, high_point = needed(point_a[place], n, point_0)
        ends = np.array([needed(a[place], n, zero) for a, zero in zip(all_a, all_0, strict=True)])
        low = float(np.quantile(ends[:, 0], 0.025, method="inverted_cdf"))
        high = float(np.quantile(ends[:, 1], 0.975, method="inverted_cdf"))
        found.append(Ratio(low_point / own, high_point / own, low / own, high / own, n[-1] / own))
    return found


def shift(budgets: Floats, arm: Floats, reference: Floats, weights: tuple[Floats, Floats]) -> float:
    """One factor for the whole curve: by how much the reference's must be shifted along the logarithm of the labels.

    Args:
        budgets: ``(B,)``.
        arm, reference: ``(B,)`` rising curves.
        weights: ``(B,)`` each.

    Returns:
        The factor, or nan where the curves overlap too little to tell.
    """
    best, factor = np.inf, float("nan")
    for s in np.linspace(-np.log(LARGEST_FACTOR), np.log(LARGEST_FACTOR), SHIFT_GRID):
        there = height(budgets * np.exp(s), budgets, reference) - arm
        back = height(budgets * np.exp(-s), budgets, arm) - reference
        errors = np.concatenate([there, back])
        mass = np.concatenate([weights[0], weights[1]])
        used = np.isfinite(errors)
        if used.sum() < min(FEWEST_TERMS, len(budgets)):
            continue
        loss = float((mass[used] * errors[used] ** 2).sum() / mass[used].sum())
        if loss < best:
            best, factor = loss, float(np.exp(s))
    return factor


def pooled(
    budgets: Sequence[float],
    arm: Floats,
    reference: Floats,
    arm_samples: Floats,
    reference_samples: Floats,
    weights: tuple[Floats, Floats],
    *,
    samples: int = 400,
) -> Ratio | None:
    """The factor for the whole curve with its interval, or None where it cannot be told."""
    n = np.asarray(budgets, dtype=float)
    if len(n) < 3:
        return None
    point = shift(n, monotone(arm, weights[0]), monotone(reference, weights[1]), weights)
    all_a = monotone(arm_samples[:samples], weights[0])
    all_0 = monotone(reference_samples[:samples], weights[1])
    found = np.array([shift(n, a, zero, weights) for a, zero in zip(all_a, all_0, strict=True)])
    found = found[np.isfinite(found)]
    if not np.isfinite(point) or len(found) < samples // 2:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    low = 0.0 if low <= 1 / LARGEST_FACTOR * 1.02 else float(low)
    high = float("inf") if high >= LARGEST_FACTOR / 1.02 else float(high)
    return Ratio(point, point, low, high)
