"""Prediction sets: which answers cannot be ruled out, and which cases must therefore go to a person.

Class-conditional split conformal prediction with the score 1 - p of the class (LAC; Sadinle, Lei & Wasserman 2019).
Several scans of one patient count as one patient (hierarchical conformal prediction; Lee, Barber & Willett 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from workbench.evaluation.interval import wilson

ALPHA = 0.1


@dataclass(frozen=True)
class SetRule:
    """From which probability on a class belongs to the set.

    Attributes:
        limits: ``(C,)``: class c belongs to the set when 1 - p_c is at most ``limits[c]``; infinite where the class
            has too few patients, so that it always belongs.
        patients: ``(C,)`` patients of each class that the limit rests on.
        alpha: Share of cases of each class whose set may miss it.
    """

    limits: NDArray[np.float64]
    patients: NDArray[np.int64]
    alpha: float

    def sets(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """``(..., N, C)`` probabilities to whether each class belongs to the set of each case."""
        return 1.0 - np.asarray(probabilities, dtype=np.float64) <= self.limits + 1e-12

    def coverage_spread(self, c: int) -> tuple[float, float]:
        """Range in which the coverage of class ``c`` lies for 90 % of calibration sets of this size; (1, 1) where
        the class always belongs.

        Coverage given the calibration set follows Beta(k, n + 1 - k) (Vovk 2012).
        """
        n = int(self.patients[c])
        if not np.isfinite(self.limits[c]):
            return 1.0, 1.0
        k = ceil((n + 1) * (1 - self.alpha) - 1e-9)
        low, high = np.asarray(beta.ppf([0.05, 0.95], k, n + 1 - k))
        return float(low), float(high)


def fewest_needed(alpha: float) -> int:
    """Patients of a class below which no limit can be set: 1 / alpha - 1, 9 for 0.10 and 19 for 0.05."""
    return ceil(1 / alpha - 1 - 1e-9)


def set_rule(probabilities: ArrayLike, targets: ArrayLike, groups: ArrayLike, *, alpha: float = ALPHA) -> SetRule:
    """The rule whose sets hold the right class of a new patient's case with probability 1 - alpha, class by class.

    The limit of a class is the quantile of its scores in which each patient weighs the same and one further patient
    weighs at infinity; with one scan per patient it is the ceil((n + 1)(1 - alpha))-th smallest score. The guarantee
    is exact for scores that come from the model that is used; out-of-fold scores come from models of slightly fewer
    labels, so that it holds nearly.

    Args:
        probabilities: ``(n, C)`` out-of-fold; rows with nan are left out.
        targets: ``(n,)`` class indices.
        groups: ``(n,)`` patient of each.
        alpha: Share that may be missed, between 0 and 1.
    """
    p, y, patients = np.asarray(probabilities, dtype=np.float64), np.asarray(targets), np.asarray(groups)
    known = np.isfinite(p).all(axis=1)
    p, y, patients = p[known], y[known], patients[known]
    limits, counts = np.full(p.shape[1], np.inf), np.zeros(p.shape[1], np.int64)
    for c in range(p.shape[1]):
        inside = y == c
        scores = 1.0 - p[inside, c]
        _, member, sizes = np.unique(patients[inside], return_inverse=True, return_counts=True)
        counts[c] = len(sizes)
        if len(sizes) < fewest_needed(alpha):
            continue
        order = np.argsort(scores, kind="stable")
        mass = np.cumsum(1.0 / sizes[member[order]]) / (len(sizes) + 1)
        place = int(np.searchsorted(mass, 1 - alpha - 1e-9))
        if place < len(scores):
            limits[c] = scores[order[place]]
    return SetRule(limits, counts, alpha)


@dataclass(frozen=True)
class SetReport:
    """How sets did on test cases.

    Attributes:
        coverage: ``(C,)`` share of each class's cases whose set holds it, every patient counting once; nan where there
            is none.
        low, high: ``(C,)`` Wilson's 95 % interval with as many trials as the class has test patients.
        patients: ``(C,)`` test patients of each class.
        referred: Share of cases with more or fewer than one class in the set: they go to a person.
        error_if_read: Share of wrong answers among the others; nan where there are none.
        read_alone: Number of the others.
    """

    coverage: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    patients: NDArray[np.int64]
    referred: float
    error_if_read: float
    read_alone: int


def judge_sets(sets: NDArray[np.bool_], targets: ArrayLike, groups: ArrayLike) -> SetReport:
    """Coverage, referral and error of the sets ``(N, C)`` of test cases.

    Args:
        sets: ``(N, C)``.
        targets: ``(N,)`` class indices.
        groups: ``(N,)`` patient of each.
    """
    y, patients = np.asarray(targets), np.asarray(groups)
    covered = sets[np.arange(len(y)), y]
    count = sets.shape[1]
    coverage, low, high = (np.full(count, np.nan) for _ in range(3))
    held = np.zeros(count, np.int64)
    for c in range(count):
        inside = y == c
        _, member, sizes = np.unique(patients[inside], return_inverse=True, return_counts=True)
        held[c] = len(sizes)
        if held[c]:
            # What is promised is about a new patient's case, so each patient counts once, as in the limits.
            coverage[c] = (np.bincount(member, covered[inside]) / sizes).mean()
            low[c], high[c] = wilson(coverage[c], held[c])
    single = sets.sum(axis=1) == 1
    error = float((~covered[single]).mean()) if single.any() else float("nan")
    return SetReport(coverage, low, high, held, float((~single).mean()), error, int(single.sum()))
