"""Which cases an expert looks at: where the model doubts, where it differs from a label, where it is sure, and chance.

The share by chance is drawn first and from all patients, so that it stays an unbiased sample of them: what it says
about the model holds for the whole set, what the other strata say does not. One scan of a patient at most.

* ``random``: patients by chance, one of each patient's scans by chance.
* ``disagree``: the model's answer is not the label; ranked by the loss minus the prediction's entropy (Bernhardt et
  al., Nature Communications 2022), so that wrong labels come before hard cases.
* ``confident``: the smallest entropy, taken in turn from the answers that the model gives.
* ``uncertain``: the largest entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError
from workbench.evaluation.acquisition import entropy

AUDIT_SHARE = 0.2
STRATA = {
    "uncertain": "the model is not sure",
    "disagree": "the model's answer is not the label",
    "confident": "the model is sure",
    "random": "by chance, to see how it does on all",
}
"""The strata and why a case is in them, in words."""


@dataclass(frozen=True)
class Choice:
    """Chosen cases, in the order in which they are shown.

    Attributes:
        rows: ``(K,)`` places among the scans given.
        strata: ``(K,)`` keys of ``STRATA``.
        priorities: ``(K,)`` the number by which the case was ranked; nan for those by chance.
    """

    rows: NDArray[np.int64]
    strata: list[str]
    priorities: NDArray[np.float64]


def choose_cases(
    probabilities: ArrayLike,
    patients: ArrayLike,
    count: int,
    *,
    labels: ArrayLike | None = None,
    audit_share: float = AUDIT_SHARE,
    seed: int = 0,
) -> Choice:
    """Choose cases for review.

    Args:
        probabilities: ``(N, C)`` of the options, adding up to one.
        patients: ``(N,)``.
        count: Patients wanted; fewer are given where there are no more.
        labels: ``(N,)`` option of the known label, -1 where there is none.
        audit_share: Share that is chosen by chance; at least one case.
        seed: Of everything random.

    Raises:
        InputError: There is no scan to choose from, or fewer than one is wanted.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    names = np.asarray(patients, dtype=object).astype(str)
    if not len(p) or count < 1:
        raise InputError(
            "There is no case to review.", todo="Give scans that the model has scored, and count=1 or more."
        )
    known = np.full(len(p), -1) if labels is None else np.asarray(labels, dtype=np.int64)
    rng = np.random.default_rng(seed)
    count = min(count, len(np.unique(names)))
    taken: set[str] = set()
    chosen: list[tuple[int, str, float]] = []

    def take(order: NDArray[np.int64], stratum: str, priority: NDArray[np.float64] | None, wanted: int) -> None:
        for row in order:
            if wanted < 1:
                return
            if names[row] not in taken:
                taken.add(str(names[row]))
                chosen.append((int(row), stratum, float("nan") if priority is None else float(priority[row])))
                wanted -= 1

    take(_by_patient(names, rng), "random", None, min(count, max(1, round(audit_share * count))))
    doubt = entropy(p)
    shuffled = rng.permutation(len(p))
    answer = p.argmax(axis=1)
    differs = shuffled[(known[shuffled] >= 0) & (answer[shuffled] != known[shuffled])]
    loss = -np.log(np.clip(p[np.arange(len(p)), np.maximum(known, 0)], 1e-12, None)) - doubt
    rest = count - len(chosen)
    parts = 3 if len(differs) else 2
    take(_descending(differs, loss), "disagree", loss, rest // parts if parts == 3 else 0)
    take(_in_turn(_descending(shuffled, -doubt), answer), "confident", -doubt, rest // parts)
    take(_descending(shuffled, doubt), "uncertain", doubt, count - len(chosen))
    order = rng.permutation(len(chosen))  # who reads cannot tell why a case is there by its place
    picked = [chosen[place] for place in order]
    return Choice(
        np.array([row for row, _, _ in picked], dtype=np.int64),
        [stratum for _, stratum, _ in picked],
        np.array([priority for _, _, priority in picked]),
    )


def _by_patient(names: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.int64]:
    """One scan of each patient, patients in no order."""
    shuffled = rng.permutation(len(names))
    first = np.unique(names[shuffled].astype(str), return_index=True)[1]
    return rng.permutation(shuffled[first])


def _descending(rows: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.int64]:
    return rows[np.argsort(-value[rows], kind="stable")]


def _in_turn(rows: NDArray[np.int64], answer: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, one of each answer after the other, each answer's in the order given."""
    rank = np.zeros(len(rows), dtype=np.int64)
    for option in np.unique(answer):
        of_option = answer[rows] == option
        rank[of_option] = np.arange(of_option.sum())
    return rows[np.argsort(rank, kind="stable")]
