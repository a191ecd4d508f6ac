"""Labels worth a second look: those of the development set that are probably wrong, and some by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluation.label_doubt import label_doubt
from workbench.evaluation.probe import fit_probe, to_probabilities
from workbench.runs.seeds import mix

DOUBT = "a model that never saw this label contradicts it, although the case is easy"
CHANCE = "by chance, to learn how many labels are wrong"
AUDIT_SHARE = 0.2


@dataclass(frozen=True)
class Case:
    """One scan for a person.

    Attributes:
        scan_id, patient_key: Which.
        reason: In words.
        score: Larger for more doubt; nan where the case was chosen by chance or for being typical.
        label: As given.
    """

    scan_id: str
    patient_key: str
    reason: str
    score: float
    label: str


def doubtful_labels(
    features: NDArray[np.float32],
    targets: NDArray[Any],
    patients: NDArray[Any],
    scan_ids: NDArray[Any],
    classes: list[str],
    *,
    count: int,
    seed: int = 0,
) -> list[Case]:
    """Development scans whose label an out-of-fold probe contradicts, one per patient, four of five; the fifth by
    chance. Test labels are never offered: the model under audit must not have a say in them.

    Args:
        features: ``(N, D)``.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        patients, scan_ids: ``(N,)``.
        classes: Names.
        count: How many cases.
        seed: Of folds and chance.

    Returns:
        The cases in an order that does not tell why they were chosen.
    """
    probe = fit_probe(features, targets, patients, classes=len(classes), seed=seed)
    doubt = label_doubt(to_probabilities(probe.oof_logits, probe.task), targets)
    random = np.random.default_rng(mix(seed, "doubt"))
    order = np.argsort(-np.nan_to_num(doubt, nan=-np.inf), kind="stable")
    order = _one_each(order[np.isfinite(doubt[order])], patients)
    by_chance = round(AUDIT_SHARE * count)
    worst = order[: count - by_chance]
    rest = _one_each(random.permutation(len(patients)), patients)
    rest = rest[~np.isin(patients[rest], patients[worst])][: min(by_chance, count - len(worst))]

    def case(row: int, reason: str, score: float) -> Case:
        return Case(str(scan_ids[row]), str(patients[row]), reason, score, _label(targets, row, classes))

    cases = [case(int(row), DOUBT, float(doubt[row])) for row in worst]
    cases += [case(int(row), CHANCE, float("nan")) for row in rest]
    return [cases[place] for place in random.permutation(len(cases))]


def _one_each(order: NDArray[np.int64], patients: NDArray[Any]) -> NDArray[np.int64]:
    first = np.unique(patients[order], return_index=True)[1]
    return order[np.sort(first)]


def _label(targets: NDArray[Any], row: int, classes: list[str]) -> str:
    if targets.ndim == 1:
        return classes[int(targets[row])]
    return ", ".join(name for name, value in zip(classes, targets[row], strict=True) if value == 1) or "no finding"
