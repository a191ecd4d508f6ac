"""Do groups differ by more than chance, before any of them is named?

The largest minus the smallest of several estimates is never zero, even where all groups are equal; so there is one
global test (Cochran's Q on the logit scale), and the gap is shown beside what it would be without any difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2

from workbench.runs.seeds import mix

SAMPLES = 4000

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Heterogeneity:
    """Differences between groups as a whole.

    Attributes:
        q, df, p: Cochran's Q on the logit scale, its degrees of freedom and p-value.
        tau: Standard deviation between groups beyond chance, on the logit scale (DerSimonian & Laird 1986).
        common: What all groups have in common, back on the scale of the values.
        shrunken: ``(k,)`` estimates drawn towards the common value by what chance explains; for ranking.
        gap: Largest minus smallest value.
        gap_if_equal: Mean gap if there were no difference.
        gap_upper_if_equal: The gap that chance alone exceeds in 5 % of cases.
    """

    q: float
    df: int
    p: float
    tau: float
    common: float
    shrunken: Vector
    gap: float
    gap_if_equal: float
    gap_upper_if_equal: float


def auc_floor(auc: Vector, patients: Vector) -> Vector:
    """Least variance of an AUC (modified Wald; Kottas, Kuss & Zapf 2014)."""
    return auc * (1 - auc) / np.maximum(0.75 * patients - 1, 1)


def heterogeneity(
    values: Vector, covariance: NDArray[np.float64], *, edges: Vector, least: Vector, seed: int = 0
) -> Heterogeneity:
    """Test whether k AUCs or rates are one.

    Args:
        values: ``(k,)`` in [0, 1], k at least 2.
        covariance: ``(k, k)`` of them.
        edges: ``(k,)`` how near to 0 and 1 a value may be taken to be.
        least: ``(k,)`` least variances.
        seed: Of the simulation of gaps.
    """
    inside = np.clip(values, edges, 1 - edges)
    spread = np.diag(covariance)
    wide = covariance + np.diag(np.maximum(least - spread, 0))
    slope = 1 / (inside * (1 - inside))
    x, sigma = logit(inside), wide * np.outer(slope, slope)
    precision = np.linalg.pinv(sigma, hermitian=True)
    mass = precision.sum()
    centre = float(precision.sum(axis=1) @ x / mass)
    off = x - centre
    q, df = float(off @ precision @ off), len(x) - 1
    own = 1 / np.diag(sigma)
    mean = float(own @ x / own.sum())
    excess = float(own @ (x - mean) ** 2) - df
    tau = np.sqrt(max(0.0, excess / (own.sum() - (own**2).sum() / own.sum())))
    shrunken = mean + tau**2 / (tau**2 + np.diag(sigma)) * (x - mean)
    root_values, root_vectors = np.linalg.eigh(sigma)
    normal = np.random.default_rng(mix(seed, "gap")).standard_normal((SAMPLES, len(x)))
    drawn = expit(mean + normal @ (root_vectors * np.sqrt(np.maximum(root_values, 0))).T)
    gaps = drawn.max(axis=1) - drawn.min(axis=1)
    return Heterogeneity(
        q=q,
        df=df,
        p=float(chi2.sf(q, df)),
        tau=float(tau),
        common=float(expit(mean)),
        shrunken=expit(shrunken),
        gap=float(values.max() - values.min()),
        gap_if_equal=float(gaps.mean()),
        gap_upper_if_equal=float(np.quantile(gaps, 0.95)),
    )
