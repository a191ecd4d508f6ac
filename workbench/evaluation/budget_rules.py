"""What a budget allows: what kind of task its labels are, and when it is too small to choose anything inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError

FEWEST_SCANS = 20
FEWEST_PATIENTS = 4


def task_of(targets: NDArray[Any], classes: int | None = None) -> tuple[str, int]:
    """``("binary" | "multiclass" | "multilabel", number of classes or labels)``.

    Args:
        targets: ``(N,)`` class indices (negative: no label), or ``(N, L)``.
        classes: Number of classes, where ``targets`` may lack some.
    """
    if targets.ndim == 2:
        return "multilabel", targets.shape[1]
    count = max(int(classes or 0), int(targets.max(initial=0)) + 1, 2)
    return ("binary" if count == 2 else "multiclass"), count


def checked(
    features: ArrayLike, targets: ArrayLike, draws: Sequence[ArrayLike], test_features: ArrayLike, groups: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any], list[NDArray[np.int64]], NDArray[Any], NDArray[Any]]:
    """The arrays of ``fit_probes`` and ``knn_many``, once they fit together.

    Raises:
        InputError: Lengths differ, a draw is empty, repeats a row, or holds one without label.
    """
    x, y, test, patients = (np.asarray(a) for a in (features, targets, test_features, groups))
    if x.ndim != 2 or len(y) != len(x) or len(patients) != len(x) or test.ndim != 2 or test.shape[1] != x.shape[1]:
        raise InputError(
            "Features, targets, groups and test features do not fit together.",
            where=f"features {x.shape}, targets {y.shape}, groups {patients.shape}, test features {test.shape}",
        )
    if y.ndim == 1 and not np.issubdtype(y.dtype, np.integer):
        if not np.array_equal(y, np.round(y)):
            raise InputError("Class indices must be whole numbers.")
        y = y.astype(np.int64)
    rows_of = [np.asarray(draw, dtype=np.int64) for draw in draws]
    for number, rows in enumerate(rows_of):
        if not len(rows) or len(np.unique(rows)) != len(rows):
            raise InputError("A draw is empty or names a scan twice.", where=f"draw {number}")
        unlabelled = y[rows] < 0 if y.ndim == 1 else np.isnan(y[rows].astype(float)).all(axis=1)
        if unlabelled.any():
            raise InputError(f"A draw holds {int(unlabelled.sum())} scans without a label.", where=f"draw {number}")
    return x, y, rows_of, test, patients


def too_small(scans: int, fewest_patients: NDArray[np.integer], sound: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether nothing may be chosen inside the budget and the fixed setting is used, per question.

    Args:
        scans: Scans in the budget; under 20 is too small.
        fewest_patients: ``(questions,)`` patients of the smallest class; under 4 is too small.
        sound: ``(questions,)`` whether every training part of the folds has every class.
    """
    return (scans < FEWEST_SCANS) | (np.asarray(fewest_patients) < FEWEST_PATIENTS) | ~np.asarray(sound)
