"""Comparing groups at the same case mix: test cases are weighted until disease, age, view and site are spread alike.

Part of what looks like unfairness is that groups are seen with other diseases, ages or views (Glocker et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audit.scores import FEWEST_JUDGED

MOST_WEIGHT = 10.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """Weights that give a group and the rest the same mix.

    Attributes:
        weights: ``(U,)``; 0 outside both and where one of them has no like case.
        kept: Share of the two sides' cases that has a like case on the other side.
        effective: Smallest effective number of cases, (sum w)^2 / sum w^2, over sides and answers.
        on: The attributes that were matched besides the answer.
        note: Why it cannot be used; else empty.
    """

    weights: Array
    kept: float
    effective: float
    on: tuple[str, ...]
    note: str = ""


def match(
    group: NDArray[np.bool_],
    rest: NDArray[np.bool_],
    truth: NDArray[np.int64],
    others: dict[str, NDArray[np.object_]],
) -> Matching:
    """Weigh the cases of a group and of the rest to their common mix of answer and other attributes.

    Args:
        group, rest: ``(U,)`` bool, disjoint.
        truth: ``(U,)`` 1 and 0.
        others: Values of the attributes to match on, ``(U,)`` each.
    """
    on = tuple(others)
    if not on:
        return Matching(np.zeros(len(truth)), 0.0, 0.0, on, "no other attribute is recorded to match on")
    columns = [np.unique(values.astype(str), return_inverse=True)[1] for values in others.values()]
    _, stratum = np.unique(np.stack([truth, *columns], axis=1), axis=0, return_inverse=True)
    stratum = stratum.reshape(-1)
    count = int(stratum.max()) + 1
    mine, theirs = (np.bincount(stratum[side], minlength=count).astype(float) for side in (group, rest))
    common = (mine > 0) & (theirs > 0)
    target = (mine + theirs) * common
    weights = np.zeros(len(truth))
    for side, have in ((group, mine), (rest, theirs)):
        share = np.divide(target, have, out=np.zeros(count), where=have > 0)
        weights[side] = share[stratum[side]]
    effective = []
    for side in (group, rest):
        used = side & (weights > 0)
        if used.any():
            weights[used] = np.minimum(weights[used], MOST_WEIGHT * np.median(weights[used]))
            weights[used] /= weights[used].mean()
        for answer in (0, 1):
            w = weights[used & (truth == answer)]
            effective.append(float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0)
    both = group | rest
    kept = float((weights[both] > 0).mean())
    note = ""
    if min(effective) < FEWEST_JUDGED:
        note = f"too few like cases: {min(effective):.0f} effective on one side, {FEWEST_JUDGED} are needed"
    return Matching(weights, kept, min(effective), on, note)


def weighted_auc(scores: Array, truth: NDArray[np.int64], weights: Array) -> Array:
    """AUC in which case i counts ``weights[b, i]`` times, ties counted half.

    Args:
        scores: ``(N,)``.
        truth: ``(N,)`` of 0 and 1.
        weights: ``(B, N)``.

    Returns:
        ``(B,)``; nan where a side has no weight.
    """
    levels, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(levels)))
    sorted_weights, y = weights[:, order], truth[order]
    positive = np.add.reduceat(sorted_weights * (y == 1), starts, axis=1)
    negative = np.add.reduceat(sorted_weights * (y == 0), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))
