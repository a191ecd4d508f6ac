"""The joint covariance of all mean AUCs: test patients, draws of labels, and the finite pool they were drawn from.

The three parts follow Chen, Gallas & Yousef 2012 (classifier variability: accounting for training and testing); the
pool's part is the training-set analogue of Nadeau & Bengio 2003: draws from one pool of N patients overlap, so their
spread s^2 understates what another pool of the same size would have given by s^2 n / (N - n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.auc import covariance_parts
from workbench.study.curves import Curves

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Covariance:
    """Parts of the covariance of ``Curves.theta``, each ``(M, M)``, with their degrees of freedom.

    Attributes:
        test: One matrix and its degrees of freedom per side (or one for both).
        draw: Of the mean over draws.
        pool: Of another pool of the same size; zero where it cannot be estimated.
        draws: ``(M,)`` number of draws of each cell.
        pool_draws: ``(M,)`` number of draws that the pool's part rests on: the cell's own, or those of the budget that
            stands in for it; None where every cell has its own.
    """

    test: list[tuple[Matrix, int]]
    draw: Matrix
    pool: Matrix
    draws: NDArray[np.int64]
    pool_draws: NDArray[np.int64] | None = None

    @property
    def this_pool(self) -> Matrix:
        """Level 1: random labelled sets from this pool, test patients from the population."""
        return sum((part for part, _ in self.test), np.zeros_like(self.draw)) + self.draw

    @property
    def new_pool(self) -> Matrix:
        """Level 2, on which verdicts rest: the same if the pool were collected again."""
        return self.this_pool + self.pool

    def variance(self, weights: Matrix, *, level: int = 2) -> tuple[float, float]:
        """Variance of ``weights @ theta`` and its degrees of freedom by Satterthwaite's formula.

        Args:
            weights: ``(M,)`` contrast.
            level: 1 for this pool, 2 for a new one.
        """
        used = np.flatnonzero(weights)
        parts = [(float(weights @ part @ weights), df) for part, df in self.test]
        parts.append((float(weights @ self.draw @ weights), _freedom(self.draws[used])))
        if level == 2:
            lent = self.draws if self.pool_draws is None else self.pool_draws
            parts.append((float(weights @ self.pool @ weights), _freedom(lent[used])))
        parts = [(max(0.0, value), df) for value, df in parts]
        total = sum(value for value, _ in parts)
        if total <= 0:
            return 0.0, float("inf")
        return total, total**2 / sum(value**2 / max(df, 1) for value, df in parts)


def covariance(curves: Curves) -> Covariance:
    """The parts for a set of curves on one test set.

    Raises:
        InputError: The test set is so small that an AUC on it is not defined.
    """
    for cell in curves.cells:
        if not (np.isfinite(cell.auc).all() and np.isfinite(cell.influence).all()):
            fewest, patients = curves.test_patients
            raise InputError(
                "The test set is too small: ranking cannot be measured on it.",
                where=f"{patients} test patients, {fewest} in the smallest class",
                todo="Label more of the reserved patients, or add images.",
            )
    influence = np.stack([cell.influence for cell in curves.cells])
    draws = np.array([len(cell.auc) for cell in curves.cells])
    pool, stand_in = _pool_part(curves)
    return Covariance(
        test=covariance_parts(influence, curves.side),
        draw=_draw_part(curves),
        pool=pool,
        draws=draws,
        pool_draws=draws[stand_in],
    )


def _freedom(draws: NDArray[np.int64]) -> int:
    """Degrees of freedom of the spread of the least replicated cell."""
    replicated = draws[draws > 1]
    return max(1, int(replicated.min()) - 1) if len(replicated) else 1


def _common(curves: Curves, i: int, j: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUCs of two cells at the draws that both have."""
    first, second = curves.cells[i], curves.cells[j]
    shared, a, b = np.intersect1d(first.draws, second.draws, return_indices=True)
    return first.auc[a], second.auc[b]


def _draw_part(curves: Curves) -> Matrix:
    """Nested draws are correlated across budgets and arms; that is kept."""
    count = len(curves.cells)
    part = np.zeros((count, count))
    for i in range(count):
        for j in range(i, count):
            a, b = _common(curves, i, j)
            if len(a) > 1:
                sizes = len(curves.cells[i].auc) * len(curves.cells[j].auc)
                part[i, j] = part[j, i] = np.cov(a, b)[0, 1] * len(a) / sizes
    return nearest_psd(part)


def _pool_part(curves: Curves) -> tuple[Matrix, NDArray[np.int64]]:
    """The part, and the cell whose draws each cell's rests on."""
    total = curves.pool_patients
    count = len(curves.cells)
    variance = np.zeros(count)
    share = np.zeros(count)
    stand_in = np.arange(count)
    for arm, protocol in curves.names():
        places = curves.places(arm, protocol)
        inside = [i for i in places if curves.cells[i].patients < total and len(curves.cells[i].auc) > 1]
        for i in places:
            # At the whole pool nothing can be drawn anew: the largest budget below it stands in.
            source = i if i in inside else (inside[-1] if inside else None)
            if source is None:
                continue
            cell, stand_in[i] = curves.cells[source], source
            variance[i] = cell.spread**2 * cell.patients / (total - cell.patients)
            share[i] = 1 / cell.patients - 1 / total
    part = np.zeros((count, count))
    for i in range(count):
        for j in range(i, count):
            if variance[i] <= 0 or variance[j] <= 0:
                continue
            first, second = int(stand_in[i]), int(stand_in[j])
            alike = 1.0 if first == second else _likeness(curves, first, second, share)
            part[i, j] = part[j, i] = alike * np.sqrt(variance[i] * variance[j])
    return nearest_psd(part), stand_in


def _likeness(curves: Curves, i: int, j: int, share: NDArray[np.float64]) -> float:
    """Correlation between two cells over pools, from their correlation over draws."""
    a, b = _common(curves, i, j)
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return 0.0
    low, high = sorted((share[i], share[j]))
    return float(np.clip(np.corrcoef(a, b)[0, 1] * np.sqrt(high / low), 0, 1))


def nearest_psd(matrix: Matrix) -> Matrix:
    """The matrix without its negative eigenvalues; a variance is never made smaller."""
    if not matrix.any():
        return matrix
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.maximum(values, 0)) @ vectors.T
