"""Are the labelled patients like the pool they stand for?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from workbench.audit.attributes import MISSING, Attribute, AttributeTable
from workbench.audit.operating import newcombe
from workbench.study.contrasts import holm


@dataclass(frozen=True)
class Share:
    """One group's share of patients.

    Attributes:
        group: Name.
        pool, labelled, unlabelled, test: Patients of it in the pool, among labelled development patients, among the
            rest of the pool, and in the test set.
        difference: Share among the labelled minus share among the rest of the pool; nan where one is empty.
        low, high: Newcombe's 95 % interval.
    """

    group: str
    pool: int
    labelled: int
    unlabelled: int
    test: int
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Representation:
    """An attribute's groups in the pool and among labelled patients.

    Attributes:
        name: Of the attribute.
        shares: One per group.
        totals: Patients in the pool, labelled, unlabelled, in the test set.
        p: Of Pearson's chi-squared test, labelled against unlabelled; nan where one side is empty.
        p_holm: After Holm's correction over attributes.
    """

    name: str
    shares: list[Share]
    totals: tuple[int, int, int, int]
    p: float
    p_holm: float

    @property
    def unlike(self) -> list[Share]:
        """Groups whose share differs, where the attribute as a whole does."""
        if not self.p_holm < 0.05:
            return []
        return [share for share in self.shares if share.low > 0 or share.high < 0]


def representation(
    table: AttributeTable,
    names: Sequence[str],
    patient_of: dict[str, str],
    *,
    pool: NDArray[np.object_],
    labelled: NDArray[np.object_],
    test: NDArray[np.object_],
) -> list[Representation]:
    """Compare patients, each with the first recorded value of their scans there.

    Args:
        table: Groups of all scans.
        names: Attributes.
        patient_of: Scan to patient.
        pool, labelled, test: Scan ids.
    """
    found = []
    for name in names:
        in_pool, marked, tested = (_by_patient(table, name, patient_of, scans) for scans in (pool, labelled, test))
        in_pool = in_pool | marked
        rest = {patient: value for patient, value in in_pool.items() if patient not in marked}
        sides = (in_pool, marked, rest, tested)
        totals = tuple(len(side) for side in sides)
        groups = [g for g in table.orders[name] if any(g in side.values() for side in sides)]
        counts = np.array([[sum(value == g for value in side.values()) for side in sides] for g in groups])
        shares = []
        for group, (a, b, c, d) in zip(groups, counts.tolist(), strict=True):
            difference = low = high = float("nan")
            if totals[1] and totals[2]:
                difference = b / totals[1] - c / totals[2]
                low, high = newcombe((b / totals[1], totals[1]), (c / totals[2], totals[2]))
            shares.append(Share(group, a, b, c, d, difference, low, high))
        found.append((name, shares, totals, _p(counts[:, 1:3])))
    tested_ = [number for number, each in enumerate(found) if np.isfinite(each[3])]
    adjusted = dict(zip(tested_, holm([found[number][3] for number in tested_]), strict=True))
    return [
        Representation(
            name, shares, (totals[0], totals[1], totals[2], totals[3]), p, adjusted.get(number, float("nan"))
        )
        for number, (name, shares, totals, p) in enumerate(found)
    ]


def _by_patient(
    table: AttributeTable, name: str, patient_of: dict[str, str], scans: NDArray[np.object_]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for scan, value in zip(scans.tolist(), table.of_scans(name, scans).tolist(), strict=True):
        patient = patient_of[scan]
        if patient not in found or (not Attribute.comparable(found[patient]) and value != MISSING):
            found[patient] = value
    return found


def _p(counts: NDArray[np.int64]) -> float:
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < 2 or (counts.sum(axis=0) == 0).any():
        return float("nan")
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1))
