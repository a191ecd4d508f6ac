"""Scores of the scans of one exam or one patient, pooled to one answer by their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError


@dataclass(frozen=True)
class Units:
    """Which scans make up each unit.

    Attributes:
        keys: ``(U,)`` the units, sorted.
        member: ``(N,)`` int: the unit of each scan.
    """

    keys: NDArray[Any]
    member: NDArray[np.int64]

    @classmethod
    def of(cls, unit_keys: ArrayLike) -> Units:
        """Units by the key of each scan ``(N,)``: its scan, exam (study) or patient."""
        keys, member = np.unique(np.asarray(unit_keys), return_inverse=True)
        return cls(keys, member.astype(np.int64))

    def scores(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Mean of ``(..., N, C)`` within units: ``(..., U, C)``."""
        values = np.asarray(scores, dtype=np.float64)
        order = np.argsort(self.member, kind="stable")
        starts = np.searchsorted(self.member[order], np.arange(len(self.keys)))
        sums = np.add.reduceat(values[..., order, :], starts, axis=-2)
        return sums / np.bincount(self.member)[:, None]

    def targets(self, targets: ArrayLike, *, classes: int = 2) -> NDArray[Any]:
        """What is true of each unit.

        Two classes, and each label of several: positive when any scan is (a label is nan when unknown for all scans).
        Three classes or more: the class that all its scans share.

        Args:
            targets: ``(N,)`` class indices, or ``(N, L)`` of 0, 1 and nan.
            classes: Number of classes.

        Raises:
            InputError: Scans of one unit have different classes of three or more.
        """
        y = np.asarray(targets)
        if y.ndim == 2:
            pooled = np.full((len(self.keys), y.shape[1]), -np.inf)
            np.maximum.at(pooled, self.member, np.where(np.isnan(y), -np.inf, y))
            return np.where(np.isinf(pooled), np.nan, pooled)
        most, least = np.full(len(self.keys), -1), np.full(len(self.keys), classes)
        np.maximum.at(most, self.member, y)
        np.minimum.at(least, self.member, y)
        if classes > 2 and (most != least).any():
            raise InputError(
                f"{int((most != least).sum())} of {len(self.keys)} units hold scans of different classes.",
                where=f"first: {self.keys[np.flatnonzero(most != least)[0]]}",
                todo="Score per scan (unit=scan), or correct the labels.",
            )
        return most

    def groups(self, groups: ArrayLike) -> NDArray[Any]:
        """The patient of each unit ``(U,)``, from that of each scan ``(N,)``.

        Raises:
            InputError: A unit holds scans of several patients.
        """
        patients, number = np.unique(np.asarray(groups), return_inverse=True)
        first = np.zeros(len(self.keys), np.int64)
        first[self.member] = number
        if (first[self.member] != number).any():
            raise InputError("An exam holds scans of several patients.", todo="Score per scan (unit=scan).")
        return patients[first]


def pool_scores(scores: ArrayLike, exam_keys: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Mean of the scores ``(..., N, C)`` of each exam's scans; returns ``(..., U, C)`` and the exams ``(U,)``."""
    units = Units.of(exam_keys)
    return units.scores(scores), units.keys
