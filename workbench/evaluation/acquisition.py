"""What to label next: patients whose pictures are typical while labels are few, uncertain and diverse afterwards.

Which strategy is best depends on the data set, and none is always better than chance; hence every proposal holds a
random share, against which the rest can be judged. ``workbench.study.acquisition_trial`` does so on labels at hand.

* ``typical``: TypiClust (Hacohen, Dekel, Weinshall, ICML 2022): as many clusters as there are labelled and wanted
  patients; from those without a label, the largest first, the picture with the smallest mean distance to its
  neighbours.
* ``uncertain``: the pictures with the largest entropy of the prediction, several times as many as are wanted, and of
  them a spread-out subset by the seeding of k-means++ (Arthur & Vassilvitskii 2007), as in BADGE (Ash et al. 2020).
* ``random``: patients by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError

Strategy = Literal["auto", "typical", "uncertain", "random"]

FEW_PATIENTS = 50  # below: typical; from there on: uncertain
AUDIT_SHARE = 0.2
CANDIDATES = 5  # uncertain candidates per patient wanted
NEIGHBOURS = 20
REASONS = {
    "typical": "typical of pictures without a label",
    "uncertain": "the prediction is uncertain",
    "random": "by chance, as a yardstick",
}


@dataclass(frozen=True)
class Proposal:
    """Patients to label, in the order in which to label them.

    Attributes:
        rows: ``(K,)`` one scan of each patient.
        reasons: ``(K,)`` keys of ``REASONS``.
        strategy: The one used besides chance.
    """

    rows: NDArray[np.int64]
    reasons: list[str]
    strategy: str


def propose(
    features: ArrayLike,
    patients: ArrayLike,
    labelled: ArrayLike,
    count: int,
    *,
    probabilities: ArrayLike | None = None,
    strategy: Strategy = "auto",
    audit_share: float = AUDIT_SHARE,
    seed: int = 0,
) -> Proposal:
    """Choose patients to label next, one scan of each.

    Args:
        features: ``(N, D)`` of development scans, standardised.
        patients: ``(N,)`` whose scan it is.
        labelled: ``(N,)`` bool; no scan of a patient with a label is proposed.
        count: Patients wanted; fewer are given where there are no more.
        probabilities: ``(N, C)`` of a classifier trained on the labels; needed for ``uncertain``. Rows that do not
            sum to one are taken for several findings, each by itself.
        strategy: ``auto`` is ``typical`` below 50 labelled patients or without probabilities, else ``uncertain``.
        audit_share: Share of the proposal that is chosen by chance.
        seed: Of everything random.

    Raises:
        InputError: ``uncertain`` without probabilities, or nobody is left to label.
    """
    x, names = np.asarray(features, dtype=np.float64), np.asarray(patients)
    known = np.asarray(labelled, dtype=bool)
    done = np.unique(names[known])
    free = np.flatnonzero(~np.isin(names, done))
    if not len(free):
        raise InputError("Every patient has a label already.", todo="Add patients, or label another question.")
    if strategy == "uncertain" and probabilities is None:
        raise InputError("Uncertainty needs predictions.", todo="Label some patients first, or use strategy=typical.")
    if strategy == "auto":
        strategy = "typical" if len(done) < FEW_PATIENTS or probabilities is None else "uncertain"
    rng = np.random.default_rng(seed)
    by_chance = _one_each(rng.permutation(free), names)
    count = min(count, len(by_chance))
    if strategy == "random":
        return Proposal(by_chance[:count], ["random"] * count, strategy)
    audit = by_chance[: round(audit_share * count)]
    free = free[~np.isin(names[free], names[audit])]
    wanted = count - len(audit)
    if strategy == "typical":
        chosen = _typical(x, names, done, free, wanted, seed)
    else:
        assert probabilities is not None
        chosen = _uncertain(x, names, entropy(probabilities), free, wanted, rng)
    rows = np.concatenate([chosen, audit])
    reasons = [strategy] * len(chosen) + ["random"] * len(audit)
    order = rng.permutation(len(rows))  # who labels cannot tell which are which
    return Proposal(rows[order], [reasons[i] for i in order], strategy)


def entropy(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Entropy of each prediction, ``(N, C)`` to ``(N,)`` nats; findings that are not exclusive add up."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-12, 1.0)
    own = -(p * np.log(p)).sum(axis=1)
    if np.allclose(p.sum(axis=1), 1.0, atol=1e-3):
        return own
    q = np.clip(1 - p, 1e-12, 1.0)
    return own - (q * np.log(q)).sum(axis=1)


def _one_each(rows: NDArray[np.int64], names: NDArray[Any]) -> NDArray[np.int64]:
    """The first row of each patient, in order."""
    first = np.unique(names[rows], return_index=True)[1]
    return rows[np.sort(first)]


def _typical(
    x: NDArray[np.float64], names: NDArray[Any], done: NDArray[Any], free: NDArray[np.int64], wanted: int, seed: int
) -> NDArray[np.int64]:
    from sklearn.cluster import MiniBatchKMeans

    if wanted < 1:
        return free[:0]
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    clusters = min(len(done) + wanted, len(np.unique(names)))
    member = MiniBatchKMeans(clusters, random_state=seed % 2**32, n_init="auto", batch_size=1024).fit_predict(unit)
    covered = np.bincount(member[np.isin(names, done)], minlength=clusters)
    size = np.bincount(member, minlength=clusters)
    chosen: list[int] = []
    left = free
    while len(chosen) < wanted and len(left):
        here = np.bincount(member[left], minlength=clusters)
        # fewest labelled pictures first, then the largest cluster that still has somebody to label
        best = min(np.flatnonzero(here), key=lambda c: (covered[c], -size[c]))
        inside = left[member[left] == best]
        row = int(inside[np.argmax(_typicality(unit, inside, np.flatnonzero(member == best)))])
        chosen.append(row)
        covered[best] += 1
        left = left[names[left] != names[row]]
    return np.array(chosen, dtype=np.int64)


def _typicality(unit: NDArray[np.float64], rows: NDArray[np.int64], cluster: NDArray[np.int64]) -> NDArray[np.float64]:
    """One over the mean distance of each row to its nearest neighbours in the cluster."""
    squared = np.clip(2 - 2 * unit[rows] @ unit[cluster].T, 0, None)
    nearest = np.sort(np.sqrt(squared), axis=1)[:, 1 : NEIGHBOURS + 1]
    return 1 / (nearest.mean(axis=1) + 1e-9) if nearest.shape[1] else np.ones(len(rows))


def _uncertain(
    x: NDArray[np.float64],
    names: NDArray[Any],
    doubt: NDArray[np.float64],
    free: NDArray[np.int64],
    wanted: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    free = rng.permutation(free)  # equal doubts in no order
    candidates = _one_each(free[np.argsort(-doubt[free], kind="stable")], names)[: CANDIDATES * wanted]
    if not len(candidates) or wanted < 1:
        return candidates[:0]
    chosen = [0]  # the most uncertain
    distance = ((x[candidates] - x[candidates[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(wanted, len(candidates)):
        distance[chosen] = 0
        total = distance.sum()
        rest = np.setdiff1d(np.arange(len(candidates)), chosen)
        pick = int(rng.choice(len(candidates), p=distance / total)) if total > 0 else int(rest[0])
        chosen.append(pick)
        distance = np.minimum(distance, ((x[candidates] - x[candidates[pick]]) ** 2).sum(axis=1))
    return candidates[chosen]
