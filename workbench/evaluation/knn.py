"""Nearest neighbours on frozen features: cosine similarity, weights exp(similarity / 0.07), k chosen inside the budget.

The weighting is that of Wu et al., "Unsupervised feature learning via non-parametric instance discrimination",
CVPR 2018. Cosines are taken in double precision: features of a network that was never trained point nearly the same
way, and in single precision the number of threads would decide who is nearest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.evaluation.budget_rules import checked, task_of, too_small
from workbench.evaluation.folds import assign_folds

NEIGHBOURS = (1, 3, 5, 10, 20)
FIXED_NEIGHBOURS = 5
TEMPERATURE = 0.07
PRIOR = 1e-3
MOST_KEPT = 40_000_000


@dataclass(frozen=True)
class KnnFits:
    """Many kNN classifiers, one per draw of labelled scans.

    Attributes:
        task: ``binary``, ``multiclass`` or ``multilabel``.
        probabilities: ``(draws, N_test, C)`` float32 (binary: C = 2; multi-label: C = L, each by itself).
        k: ``(draws,)`` int: neighbours chosen.
        fixed: ``(draws,)`` bool: the budget was too small to choose k.
        oof_probabilities: One ``(n_draw, C)`` float32 per draw, by the folds without the scan's patient; nan where no
            fold can be held out.
    """

    task: str
    probabilities: NDArray[np.float32]
    k: NDArray[np.int64]
    fixed: NDArray[np.bool_]
    oof_probabilities: list[NDArray[np.float32]]


def knn_proba(
    train_x: ArrayLike,
    train_y: ArrayLike,
    test_x: ArrayLike,
    k: int,
    temperature: float = TEMPERATURE,
    classes: int | None = None,
) -> NDArray[np.float32]:
    """Class probabilities by the k nearest training rows.

    Args:
        train_x: ``(n, D)``.
        train_y: ``(n,)`` class indices, or ``(n, L)`` of 0, 1 and nan.
        test_x: ``(T, D)``.
        k: Neighbours, at most n are taken.
        temperature: Of the weights exp(cosine / temperature).
        classes: Number of classes, where ``train_y`` may lack some.

    Returns:
        ``(T, C)`` float32.
    """
    y = np.asarray(train_y)
    _, count = task_of(y, classes)
    votes, known = _votes(y, count)
    similarity = _unit(test_x) @ _unit(train_x).T
    return _by_neighbours(similarity, votes, known, [k], temperature)[0]


def knn_many(
    features: ArrayLike,
    targets: ArrayLike,
    draws: Sequence[ArrayLike],
    test_features: ArrayLike,
    groups: ArrayLike,
    *,
    classes: int | None = None,
    neighbours: Sequence[int] = NEIGHBOURS,
    temperature: float = TEMPERATURE,
    seed: int = 0,
) -> KnnFits:
    """One kNN classifier per draw; k by pooled out-of-fold log-loss on the same folds as the probe's.

    Budgets under 20 scans, or with under 4 patients in a class, take k = min(5, n // 2); no k is above n / 2. Ties go
    to the larger k.

    Args:
        features: ``(N, D)`` features of the development pool.
        targets: ``(N,)`` class indices (-1: unlabelled; no draw may hold it), or ``(N, L)`` of 0, 1 and nan.
        draws: Row indices into ``features``, one array per draw; budgets may differ.
        test_features: ``(N_test, D)``.
        groups: ``(N,)`` patient of each row.
        classes: Number of classes, where ``targets`` may lack some.
        neighbours: Choices of k.
        temperature: Of the weights.
        seed: Of the folds.
    """
    x, y, rows_of, test, patients = checked(features, targets, draws, test_features, groups)
    task, count = task_of(y, classes)
    cosines = _Cosines(x, test, rows_of)
    probabilities = np.empty((len(rows_of), len(test), count), np.float32)
    chosen, fixed, held_out = np.zeros(len(rows_of), np.int64), np.zeros(len(rows_of), bool), []
    for number, rows in enumerate(rows_of):
        votes, known = _votes(y[rows], count)
        folds = assign_folds(y[rows], patients[rows], seed=seed, classes=count)
        fixed[number] = bool(too_small(len(rows), folds.fewest, folds.sound).all())
        limit = max(1, len(rows) // 2)
        grid = sorted({min(FIXED_NEIGHBOURS, limit)} if fixed[number] else {min(k, limit) for k in neighbours})
        best = 0
        out = np.full((len(grid), len(rows), count), np.nan, np.float32)
        if folds.count > 1:
            for fold in range(folds.count):
                held = folds.ids == fold
                part = cosines.within(rows[held], rows[~held])
                out[:, held] = _by_neighbours(part, votes[~held], known[~held], grid, temperature)
            losses = np.array([_log_loss(p, votes, known, task) for p in out])
            best = int(np.flatnonzero(losses <= losses.min() + 1e-9)[-1])
        chosen[number] = grid[best]
        held_out.append(out[best])
        probabilities[number] = _by_neighbours(cosines.of_test(rows), votes, known, [grid[best]], temperature)[0]
    return KnnFits(task, probabilities, chosen, fixed, held_out)


class _Cosines:
    """Cosines between rows of the pool, and of the test rows with them; many draws share one table where it is small.

    Args:
        features: ``(N, D)`` of the pool.
        test: ``(T, D)``.
        draws: Rows that will be asked for.
    """

    def __init__(self, features: NDArray[Any], test: NDArray[Any], draws: Sequence[NDArray[np.int64]]) -> None:
        self.pool, self.test = _unit(features), _unit(test)
        self._tables: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        used = np.unique(np.concatenate(draws)) if len(draws) else np.zeros(0, np.int64)
        if sum(map(len, draws)) > len(used) and len(used) * (len(used) + len(test)) <= MOST_KEPT:
            self.pool = self.pool[used]
            self._place = np.zeros(len(features), np.int64)
            self._place[used] = np.arange(len(used))
            self._tables = self.pool @ self.pool.T, self.test @ self.pool.T

    def within(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
        """``(len(rows), len(others))``."""
        if self._tables:
            return self._tables[0][self._place[rows]][:, self._place[others]]
        return self.pool[rows] @ self.pool[others].T

    def of_test(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """``(T, len(rows))``."""
        return self._tables[1][:, self._place[rows]] if self._tables else self.test @ self.pool[rows].T


def _unit(x: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(x, dtype=np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _votes(targets: NDArray, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What each row votes for ``(n, C)``, and whether its vote is known ``(n, C)``."""
    if targets.ndim == 1:
        return np.eye(count, dtype=np.float32)[targets], np.ones((len(targets), count), np.float32)
    known = ~np.isnan(targets.astype(np.float64))
    return np.nan_to_num(targets.astype(np.float32)), known.astype(np.float32)


def _by_neighbours(
    similarity: NDArray[np.float64],
    votes: NDArray[np.float32],
    known: NDArray[np.float32],
    grid: Sequence[int],
    temperature: float,
) -> NDArray[np.float32]:
    """Probabilities ``(len(grid), T, C)`` from similarities ``(T, n)``, one sort for all k.

    Where no neighbour knows a label, the answer is the share among those that do.
    """
    most = min(max(grid), similarity.shape[1])
    nearest = np.argpartition(-similarity, most - 1, axis=1)[:, :most]
    near = np.take_along_axis(similarity, nearest, axis=1)
    order = np.argsort(-near, axis=1, kind="stable")
    nearest, near = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(near, order, axis=1)
    weight = np.exp((near - near[:, :1]) / temperature)[..., None]
    share = (votes.sum(axis=0) + 0.5) / (known.sum(axis=0) + 1.0)
    answers = np.cumsum(weight * votes[nearest] * known[nearest], axis=1)
    total = np.cumsum(weight * known[nearest], axis=1)
    at = np.minimum(np.asarray(grid), most) - 1
    answers, total = answers[:, at].transpose(1, 0, 2), total[:, at].transpose(1, 0, 2)
    return np.where(total > 0, answers / np.maximum(total, 1e-30), share).astype(np.float32)


def _log_loss(p: NDArray[np.float32], votes: NDArray[np.float32], known: NDArray[np.float32], task: str) -> float:
    """Log-loss of neighbour shares, drawn a thousandth towards even odds: a share of exactly 0 is no certainty."""
    if task == "multilabel":
        q = PRIOR / 2 + (1 - PRIOR) * p
        loss = -(votes * np.log(q) + (1 - votes) * np.log(1 - q)) * known
        return float(loss.sum() / max(known.sum(), 1.0))
    q = PRIOR / p.shape[1] + (1 - PRIOR) * p
    return float(-(votes * np.log(q)).sum() / len(p))
