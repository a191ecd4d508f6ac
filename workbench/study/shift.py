"""One factor for the whole curve: by how much the reference's must be moved along the logarithm of the labels.

Both curves are made monotone and are linear in -1/sqrt(n) between budgets, so a curve moved by s and read at the
budgets is a fixed matrix times its points: all shifts of all replicates are one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from workbench.study.labels_saved import Ratio, monotone

LARGEST_FACTOR = 20.0
GRID = 401
FEWEST_TERMS = 4
FEWEST_BUDGETS = 3
AT_ONCE = 250
PARALLEL = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """The factor of a whole curve, and whether one factor describes it.

    Attributes:
        ratio: Labels of the reference for each label of the arm, with a 95 % interval.
        parallel_p: p-value of the test that the curves differ by a shift alone; nan where too few budgets overlap.
    """

    ratio: Ratio
    parallel_p: float

    @property
    def parallel(self) -> bool:
        """Whether nothing speaks against one factor; only then is it shown."""
        return not self.parallel_p <= PARALLEL


def pooled(
    budgets: Sequence[float] | Floats,
    arm: Floats,
    reference: Floats,
    arm_samples: Floats,
    reference_samples: Floats,
    weights: tuple[Floats, Floats],
) -> Shift | None:
    """The factor for the whole curve with its interval, or None where the curves overlap too little.

    Args:
        budgets: ``(B,)`` labels, growing, the same for both curves.
        arm, reference: ``(B,)`` mean AUCs.
        arm_samples, reference_samples: ``(S, B)`` replicates, drawn jointly.
        weights: ``(B,)`` each, one over the variances of the two curves' points.
    """
    n = np.asarray(budgets, dtype=float)
    if len(n) < FEWEST_BUDGETS:
        return None
    mass = 1 / (1 / weights[0] + 1 / weights[1])
    rising = monotone(arm[None], weights[0]), monotone(reference[None], weights[1])
    point, misfit, inside = best_shift(tuple(n.tolist()), *rising, mass)
    if not np.isfinite(point[0]):
        return None
    all_a, all_0 = monotone(arm_samples, weights[0]), monotone(reference_samples, weights[1])
    found, misfits, _ = best_shift(tuple(n.tolist()), all_a, all_0, mass)
    known = np.isfinite(found)
    if known.mean() < 0.5:
        return None
    # The curves overlap enough only up to some shift: what lies at that end is a bound, not an estimate.
    edge = farthest(tuple(n.tolist()))
    lows, highs = _censored(found[known], edge)
    low = float(np.quantile(lows, 0.025, method="inverted_cdf"))
    high = float(np.quantile(highs, 0.975, method="inverted_cdf"))
    (low_point,), (high_point,) = _censored(point, edge)
    ratio = Ratio(float(low_point), float(high_point), low, high, float(np.exp(edge)))
    # A curve beyond the other's reach differs from it by more than any shift at hand: that says nothing of its shape.
    p = float("nan") if ratio.censored else _parallel(misfit[0], misfits[known], inside[0])
    return Shift(ratio, p)


def farthest(budgets: tuple[float, ...]) -> float:
    """Logarithm of the largest factor at which enough budgets of the curves still overlap; nan where none does."""
    s, _, _, _, enough = _readings(budgets)
    return float(s[enough].max()) if enough.any() else float("nan")


def _censored(logarithms: Floats, edge: float) -> tuple[Floats, Floats]:
    """Factors as (at least, at most): open above at the upper end of the grid, 0 below at the lower."""
    factors, inner = np.exp(logarithms), edge - 1e-9
    return np.where(logarithms <= -inner, 0.0, factors), np.where(logarithms >= inner, np.inf, factors)


def best_shift(
    budgets: tuple[float, ...], arm: Floats, reference: Floats, mass: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The shift of least squares for every pair of curves.

    Args:
        budgets: ``(B,)``.
        arm, reference: ``(S, B)`` rising curves.
        mass: ``(B,)`` weight of each budget.

    Returns:
        Logarithms of the factors ``(S,)``, nan where fewer than four terms overlap; the differences left at the
        budgets ``(S, B)``, nan outside the reference's range; and which are inside it ``(S, B)``.
    """
    s, there, back, used, enough = _readings(budgets)
    best, left = np.full(len(arm), np.nan), np.full(arm.shape, np.nan)
    if not enough.any():
        return best, left, np.isfinite(left)
    weight = used * np.concatenate([mass, mass])
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    for start in range(0, len(arm), AT_ONCE):
        a, zero = arm[start : start + AT_ONCE], reference[start : start + AT_ONCE]
        error = np.concatenate([zero @ there - a, a @ back - zero], axis=2)
        loss = np.einsum("gsk,gk->gs", error**2, weight)
        loss[~enough] = np.inf
        # Of equal losses (a flat top) the factor nearest to one: nothing is claimed that the data do not ask for.
        place = np.lexsort((np.broadcast_to(np.abs(s)[:, None], loss.shape), np.round(loss, 15)), axis=0)[0]
        rows = np.arange(len(a))
        best[start : start + AT_ONCE] = s[place]
        count = len(mass)
        left[start : start + AT_ONCE] = np.where(used[place][:, :count] > 0, error[place, rows, :count], np.nan)
    return best, left, np.isfinite(left)


@lru_cache(maxsize=8)
def _readings(
    budgets: tuple[float, ...],
) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
    """Shifts ``(G,)``; the matrices ``(G, B, B)`` that read a curve at budgets moved forth and back; which readings
    are inside ``(G, 2B)``; and which shifts have enough of them ``(G,)``."""
    n = np.asarray(budgets)
    s = np.linspace(-np.log(LARGEST_FACTOR), np.log(LARGEST_FACTOR), GRID)
    s[np.abs(s) < 1e-12] = 0.0
    there, inside_there = _read_at(n, n * np.exp(s)[:, None])
    back, inside_back = _read_at(n, n * np.exp(-s)[:, None])
    used = np.concatenate([inside_there, inside_back], axis=1)
    return s, there, back, used.astype(float), used.sum(axis=1) >= FEWEST_TERMS


def _read_at(n: Floats, at: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Interpolation in -1/sqrt(n) as matrices: ``curve (S, B) @ matrix (G, B, B)`` reads it at ``at (G, B)``."""
    x, wanted = -1 / np.sqrt(n), -1 / np.sqrt(at)
    inside = (at >= n[0] * (1 - 1e-9)) & (at <= n[-1] * (1 + 1e-9))
    after = np.clip(np.searchsorted(x, wanted), 1, len(n) - 1)
    share = np.clip((wanted - x[after - 1]) / (x[after] - x[after - 1]), 0, 1)
    matrix = np.zeros((len(at), len(n), len(n)))
    g, b = np.indices(at.shape)
    matrix[g, after - 1, b] += 1 - share
    matrix[g, after, b] += share
    return matrix, inside


def _parallel(misfit: Floats, misfits: Floats, inside: NDArray[np.bool_]) -> float:
    """p-value that what the shift leaves is chance (a Wald test over the budgets inside the reference's range)."""
    columns = np.flatnonzero(inside)
    rows = np.isfinite(misfits[:, columns]).all(axis=1)
    if len(columns) < 2 or rows.sum() < 100:
        return float("nan")
    covariance = np.atleast_2d(np.cov(misfits[rows][:, columns].T))
    values, vectors = np.linalg.eigh(covariance)
    # One direction is spent on the shift itself: it has the least variance left.
    keep = np.arange(len(values)) > 0
    keep &= values > 1e-12 * max(values[-1], 1e-300)
    if not keep.any():
        return float("nan")
    projected = vectors[:, keep].T @ misfit[columns]
    return float(chi2.sf((projected**2 / values[keep]).sum(), int(keep.sum())))
