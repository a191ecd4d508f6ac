"""Whether features collapse: standard deviation on the sphere and effective rank, and what they mean in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MOST_ROWS = 4096
LEAST_STD = 0.1
LEAST_RANK_SHARE = 0.02


@dataclass(frozen=True)
class Collapse:
    """How spread features are.

    Attributes:
        feature_std: Mean standard deviation of L2-normalised features times sqrt(D): about 1 when directions are
            spread evenly, 0 when all images have one direction (Chen & He, SimSiam, CVPR 2021).
        rank_me: Effective rank, 1 to min(N, D): exp of the entropy of the singular values (Garrido et al., RankMe,
            ICML 2023).
        dimensions: min(N, D), the largest possible rank.
        collapsed: Whether to worry.
        sentence: The same in words.
    """

    feature_std: float
    rank_me: float
    dimensions: int
    collapsed: bool
    sentence: str


def feature_std(features: ArrayLike) -> float:
    """Mean standard deviation of L2-normalised features ``(N, D)``, times sqrt(D); see ``Collapse``."""
    x = np.asarray(features, dtype=np.float64)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return float(x.std(axis=0).mean() * np.sqrt(x.shape[1]))


def rank_me(features: ArrayLike) -> float:
    """Effective rank of ``(N, D)`` features: exp(-sum p log p), p the singular values over their sum.

    Source: Garrido, Balestriero, Najman & LeCun, "RankMe", ICML 2023, equation 2 (epsilon 1e-7).
    """
    x = np.asarray(features, dtype=np.float64)
    gram = x @ x.T if len(x) < x.shape[1] else x.T @ x
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))
    if singular.sum() == 0:
        return 1.0
    p = singular / singular.sum() + 1e-7
    return float(np.exp(-(p * np.log(p)).sum()))


def look(features: ArrayLike) -> Collapse:
    """Judge features.

    Args:
        features: ``(N, D)``; at most the first 4096 rows are looked at.
    """
    x = np.asarray(features, dtype=np.float64)[:MOST_ROWS]
    dimensions = min(x.shape)
    if not np.isfinite(x).all():
        return Collapse(np.nan, np.nan, dimensions, True, "Features are not finite: training has diverged.")
    std, rank = feature_std(x), rank_me(x)
    few = rank < max(2.0, LEAST_RANK_SHARE * dimensions)
    if std < LEAST_STD and few:
        sentence = (
            f"Features are collapsing: all images point the same way (standard deviation {std:.2f} of 1, "
            f"about {rank:.0f} of {dimensions} directions used)."
        )
    elif few:
        sentence = f"Features are collapsing: only about {rank:.0f} of {dimensions} directions are used."
    elif std < LEAST_STD:
        sentence = (
            f"Features differ little between images (standard deviation {std:.2f} of 1), "
            f"in about {rank:.0f} of {dimensions} directions."
        )
    else:
        sentence = (
            f"Features are spread: standard deviation {std:.2f} of 1, about {rank:.0f} of {dimensions} directions used."
        )
    return Collapse(std, rank, dimensions, few, sentence)
