"""Folds inside a budget: whole patients, every class in every fold as evenly as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.runs.seeds import mix

MOST_FOLDS = 5


@dataclass(frozen=True)
class Folds:
    """Which fold holds out each scan.

    Attributes:
        ids: ``(n,)`` int, 0 to count - 1.
        count: Number of folds; below 2 nothing can be held out.
        sound: ``(questions,)`` bool: whether each training part has every class (one entry, or one per label).
        fewest: ``(questions,)`` int: patients of the class that has fewest.
    """

    ids: NDArray[np.int64]
    count: int
    sound: NDArray[np.bool_]
    fewest: NDArray[np.int64]


def patients_per_class(targets: NDArray[Any], groups: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """How many patients have at least one scan of each class: ``(classes,)``.

    Args:
        targets: ``(n,)`` class indices.
        groups: ``(n,)`` patient of each scan.
        classes: Number of classes.
    """
    pairs = {(int(c), g) for c, g in zip(targets.tolist(), np.asarray(groups).tolist(), strict=True)}
    return np.bincount([c for c, _ in pairs], minlength=classes)[:classes]


def assign_folds(
    targets: NDArray[Any], groups: NDArray[Any], *, seed: int = 0, most: int = MOST_FOLDS, classes: int | None = None
) -> Folds:
    """Shuffle the patients of each class and deal them to the folds in turn, going on where the class before stopped.

    A patient with scans of several classes (or several findings) is dealt with the rarest of them. The result depends
    on who the patients are and on the seed, not on the order of the rows.

    Args:
        targets: ``(n,)`` class indices, or ``(n, L)`` of 0, 1 and nan.
        groups: ``(n,)`` patient of each scan.
        seed: Of the shuffle.
        most: At most this many folds; fewer when a class has fewer patients.
        classes: Number of classes, where ``targets`` may lack some.
    """
    targets, groups = np.asarray(targets), np.asarray(groups)
    patients, member = np.unique(groups, return_inverse=True)
    single = targets.ndim == 1
    if single:
        count = int(classes or targets.max(initial=0) + 1)
        held = np.zeros((len(patients), count), bool)
        held[member, targets] = True
    else:
        held = np.zeros((len(patients), targets.shape[1]), bool)
        np.logical_or.at(held, member, targets == 1)
        held = np.concatenate([held, ~held.any(axis=1, keepdims=True)], axis=1)  # "no finding"
    sizes = held.sum(axis=0)
    present = sizes[sizes > 0]
    folds = int(min(most, present.min() if single else len(patients))) if len(present) else 0
    stratum = np.where(held, sizes, len(patients) + 1).argmin(axis=1)
    rng = np.random.default_rng(mix(seed, "folds"))
    dealt = np.concatenate([rng.permutation(np.flatnonzero(stratum == c)) for c in np.argsort(sizes, kind="stable")])
    of_patient = np.zeros(len(patients), np.int64)
    of_patient[dealt] = np.arange(len(patients)) % max(folds, 1)
    ids = of_patient[member]
    if single:
        questions = [[(targets == c) for c in range(count)]]
    else:
        questions = [[targets[:, column] == 0, targets[:, column] == 1] for column in range(targets.shape[1])]
    sound = [
        folds > 1 and all(bool((mask & (ids != fold)).any()) for mask in masks for fold in range(folds))
        for masks in questions
    ]
    fewest = [min(len(np.unique(member[mask])) for mask in masks) for masks in questions]
    return Folds(ids, folds, np.asarray(sound), np.asarray(fewest, dtype=np.int64))
