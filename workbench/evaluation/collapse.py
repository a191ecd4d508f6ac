"""Whether features collapse: standard deviation on the sphere and effective rank, and what they mean in words.

What counts is the change from before training: an MAE's encoder begins with few directions, loses some while the
learning rate rises, and then gains many. So a look is judged against the look at the start, and not before warm-up
is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

MOST_ROWS = 4096
LEAST_STD = 0.1
LEAST_RANK_SHARE = 0.02
FALLEN = 0.5
RISEN = 1.25


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
    """Describe features, without judging them unless they are not finite.

    Args:
        features: ``(N, D)``; at most the first 4096 rows are looked at.
    """
    x = np.asarray(features, dtype=np.float64)[:MOST_ROWS]
    dimensions = min(x.shape)
    if not np.isfinite(x).all():
        return Collapse(np.nan, np.nan, dimensions, True, "Features are not finite: training has diverged.")
    std, rank = feature_std(x), rank_me(x)
    if rank < _few(dimensions):
        sentence = f"Features use about {rank:.0f} of {dimensions} directions (standard deviation {std:.2f} of 1)."
    elif std < LEAST_STD:
        sentence = (
            f"Features differ little between images (standard deviation {std:.2f} of 1), "
            f"in about {rank:.0f} of {dimensions} directions."
        )
    else:
        sentence = (
            f"Features are spread: standard deviation {std:.2f} of 1, about {rank:.0f} of {dimensions} directions used."
        )
    return Collapse(std, rank, dimensions, False, sentence)


def judge(now: Collapse, start: Collapse, *, early: bool = False) -> Collapse:
    """Whether to worry about a look at features, given the look before training.

    Args:
        now: As ``look`` gives it.
        start: The same images before the first step.
        early: The learning rate still rises, so that nothing can be said yet.

    Returns:
        ``now``, where few directions are used with the verdict in its sentence: they are collapsing when they were at
        least twice as many at the start, and may be when they have not become a quarter more.
    """
    if now.collapsed or now.rank_me >= _few(now.dimensions):
        return now
    used = f"about {now.rank_me:.0f} of {now.dimensions} directions are used, {start.rank_me:.0f} before training"
    if early:
        return replace(now, sentence=f"{now.sentence} It is too early to judge: the learning rate still rises.")
    if now.rank_me < FALLEN * start.rank_me:
        alike = "all images point the same way; " if now.feature_std < LEAST_STD else ""
        return replace(now, collapsed=True, sentence=f"Features are collapsing: {alike}{used}.")
    if now.rank_me < RISEN * start.rank_me:
        return replace(now, collapsed=True, sentence=f"Features have not spread and may be collapsing: {used}.")
    return replace(now, sentence=f"Features begin to spread: {used}.")


def _few(dimensions: int) -> float:
    return max(2.0, LEAST_RANK_SHARE * dimensions)
