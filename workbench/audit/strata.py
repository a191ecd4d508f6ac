"""Statistics of parts of a test set (groups of patients) with the joint covariance of all of them.

A statistic is a mean over draws with each test patient's influence on it, as in ``study.curves``: so test patients,
draws and the pool enter its error as they do for a study's curves. Two groups share the draws; where one patient has
cases in both, they share that patient, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workbench.audit.scores import Point
from workbench.evaluation.auc import MIXED, covariance_parts, influence
from workbench.study.contrasts import Contrast, contrast
from workbench.study.covariance import Covariance, covariance
from workbench.study.curves import Cell, Curves

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """One part of the test set.

    Attributes:
        name: For people.
        cells: One statistic per arm and budget; their influence is over all patients, 0 for those outside.
        inside: ``(P,)`` bool: patients of the part.
        side: ``(P,)`` 1 all cases positive, 0 all negative, -1 both or outside.
    """

    name: str
    cells: list[Cell]
    inside: NDArray[np.bool_]
    side: NDArray[np.int64]

    def parts(self) -> list[tuple[NDArray[np.float64], int]]:
        """Covariance of its statistics over the sampling of its patients, with degrees of freedom."""
        values = np.stack([cell.influence for cell in self.cells])[:, self.inside]
        return covariance_parts(values, self.side[self.inside])


@dataclass(frozen=True)
class Joint:
    """Statistics of several parts, stratum after stratum, with their covariance.

    Attributes:
        curves: All cells.
        covariance: Of their means.
        names: Name of the stratum of each cell.
    """

    curves: Curves
    covariance: Covariance
    names: list[str]

    @property
    def theta(self) -> Vector:
        """``(M,)``."""
        return self.curves.theta

    @property
    def total(self) -> NDArray[np.float64]:
        """Covariance ``(M, M)`` if patients, draws and pool were collected again."""
        return self.covariance.new_pool

    def contrast(self, weights: Vector) -> Contrast:
        """``weights @ theta`` with its error."""
        return contrast(self.theta, self.covariance, weights)

    def each(self) -> list[Contrast]:
        """Every statistic by itself."""
        return [self.contrast(row) for row in np.eye(len(self.theta))]


def statistic(point: Point, name: str, values: Vector, each: NDArray[np.float64]) -> Cell:
    """A cell of a statistic.

    Args:
        point: Whose scores.
        name: Of the stratum.
        values: ``(R,)`` the statistic of each draw.
        each: ``(R, P)`` or ``(P,)`` influence of each patient on it (on its mean over draws).
    """
    return Cell(
        f"{point.arm}\x1f{name}",
        point.protocol,
        point.budget,
        point.n,
        point.patients,
        point.draws,
        np.asarray(values, dtype=np.float64),
        each.mean(axis=0) if each.ndim == 2 else each,
    )


def side_of(
    truth: NDArray[np.int64], patients: NDArray[np.int64], count: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of ``count`` patients have a case among these, and the side each is on."""
    yes = np.bincount(patients[truth == 1], minlength=count) > 0
    no = np.bincount(patients[truth == 0], minlength=count) > 0
    side = np.where(yes & no, MIXED, np.where(yes, 1, np.where(no, 0, MIXED)))
    return yes | no, side


def auc_stratum(
    name: str,
    rows: NDArray[np.bool_],
    scores: Sequence[tuple[Point, NDArray[np.float64]]],
    truth: NDArray[np.int64],
    patients: NDArray[np.int64],
    count: int,
) -> Stratum:
    """The AUC of some test cases, for every arm and budget.

    Args:
        name: Of the part.
        rows: ``(U,)`` bool; both answers must occur.
        scores: ``(point, (R, U) scores)`` of each arm and budget.
        truth: ``(U,)`` of 0 and 1.
        patients: ``(U,)`` numbers of patients.
        count: P.
    """
    inside, side = side_of(truth[rows], patients[rows], count)
    cells = []
    for point, score in scores:
        both = np.stack([-score[:, rows], score[:, rows]], axis=-1)
        found = influence(both, truth[rows], patients[rows])
        whole = np.zeros(count)
        whole[found.groups.astype(np.int64)] = found.values.mean(axis=0)
        cells.append(statistic(point, name, found.auc, whole))
    return Stratum(name, cells, inside, side)


def mean_stratum(
    name: str,
    rows: NDArray[np.bool_],
    values: Sequence[tuple[Point, NDArray[np.float64]]],
    patients: NDArray[np.int64],
    count: int,
) -> Stratum:
    """The mean of a quantity over some test cases; arguments as for ``auc_stratum``, ``values`` ``(R, U)`` each."""
    inside = np.bincount(patients[rows], minlength=count) > 0
    cells = []
    for point, value in values:
        part = value[:, rows]
        mean = part.mean(axis=1)
        moved = ((part - mean[:, None]) / rows.sum()).mean(axis=0)
        whole = np.bincount(patients[rows], moved, minlength=count).astype(np.float64)
        cells.append(statistic(point, name, mean, whole))
    return Stratum(name, cells, inside, np.full(count, MIXED))


def joint(strata: Sequence[Stratum], pool_patients: int) -> Joint:
    """The statistics of several parts together.

    Within a part the covariance over patients has that part's own small-sample factors; between parts that share
    patients it is the sum over these.
    """
    cells = [cell for stratum in strata for cell in stratum.cells]
    count = len(strata[0].inside)
    curves = Curves(cells, np.full(count, MIXED), pool_patients, (0, count))
    parts: list[tuple[NDArray[np.float64], int]] = []
    starts = np.concatenate([[0], np.cumsum([len(stratum.cells) for stratum in strata])]).astype(int)
    blocks = [slice(*edge) for edge in zip(starts, starts[1:], strict=False)]
    for block, stratum in zip(blocks, strata, strict=True):
        for matrix, df in stratum.parts():
            whole = np.zeros((len(cells), len(cells)))
            whole[block, block] = np.nan_to_num(matrix)
            parts.append((whole, df))
    for i, first in enumerate(strata):
        for j in range(i + 1, len(strata)):
            both = first.inside & strata[j].inside
            if not both.any():
                continue
            a, b = (np.stack([cell.influence for cell in stratum.cells])[:, both] for stratum in (first, strata[j]))
            whole = np.zeros((len(cells), len(cells)))
            whole[blocks[i], blocks[j]] = a @ b.T
            parts.append((whole + whole.T, max(int(both.sum()) - 1, 1)))
    names = [stratum.name for stratum in strata for _ in stratum.cells]
    return Joint(curves, replace(covariance(curves), test=parts), names)
