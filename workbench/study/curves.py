"""Curves: for every arm, protocol and budget the AUC of each draw, and each test patient's influence on their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROTOCOLS = {"probe": "linear probe", "knn": "nearest neighbours (kNN)", "finetune": "fine-tuned end to end"}


def curve_name(arm: str, protocol: str) -> str:
    """A curve for people: the arm and how it is used."""
    return f"{arm} ({PROTOCOLS[protocol]})"


@dataclass(frozen=True)
class Cell:
    """One point of one curve.

    Attributes:
        arm, protocol: Whose curve.
        budget: As asked for, ``all`` included.
        n: Labels on the axis: patients or scans, the mean over draws of how many there really were.
        patients: Patients in it, for the share of the pool that it uses.
        draws: ``(R,)`` numbers of the draws.
        auc: ``(R,)`` AUC of each draw.
        influence: ``(G,)`` mean over draws of the test patients' influence sums.
    """

    arm: str
    protocol: str
    budget: str
    n: float
    patients: float
    draws: NDArray[np.int64]
    auc: NDArray[np.float64]
    influence: NDArray[np.float64]

    @property
    def theta(self) -> float:
        """Mean AUC over draws."""
        return float(self.auc.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of the AUC between draws; nan for one draw."""
        return float(self.auc.std(ddof=1)) if len(self.auc) > 1 else float("nan")


@dataclass(frozen=True)
class Curves:
    """All cells on one test set.

    Attributes:
        cells: In a fixed order; covariances follow it.
        side: ``(G,)`` of each test patient: 1 positive, 0 negative, -1 both or not binary.
        pool_patients: N, patients in the development set.
        test_patients: Patients of the smallest class in the test set, and of all.
    """

    cells: Sequence[Cell]
    side: NDArray[np.int64]
    pool_patients: int
    test_patients: tuple[int, int]

    @property
    def theta(self) -> NDArray[np.float64]:
        """``(M,)`` mean AUC of each cell."""
        return np.array([cell.theta for cell in self.cells])

    def names(self) -> list[tuple[str, str]]:
        """``(arm, protocol)`` of each curve, in order of appearance."""
        return list(dict.fromkeys((cell.arm, cell.protocol) for cell in self.cells))

    def places(self, arm: str, protocol: str) -> list[int]:
        """Indices of a curve's cells, by growing budget."""
        found = [i for i, cell in enumerate(self.cells) if (cell.arm, cell.protocol) == (arm, protocol)]
        return sorted(found, key=lambda i: self.cells[i].n)

    def paired(self, curve: tuple[str, str], reference: tuple[str, str]) -> list[tuple[int, int]]:
        """Indices of the cells of two curves at the budgets that both have."""
        other = {self.cells[i].budget: i for i in self.places(*reference)}
        return [(i, other[self.cells[i].budget]) for i in self.places(*curve) if self.cells[i].budget in other]
