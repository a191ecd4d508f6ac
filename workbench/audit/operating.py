"""Sensitivity and specificity of groups at one line for all, with the line's own uncertainty.

The line is set on out-of-fold scores of each draw's labelled cases, as a user would have to. Bootstrap of test
patients, of draws, and of the labelled patients that the line rests on (two-way bootstrap; Owen & Eckles 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from workbench.audit.question import Question
from workbench.audit.scores import Point, Subjects
from workbench.evaluation.bootstrap import patient_weights
from workbench.evaluation.interval import wilson
from workbench.evaluation.operating_point import threshold_at_specificity
from workbench.runs.seeds import mix
from workbench.study.contrasts import Contrast

FEW_DRAWS = 5
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """From which score on the answer is yes.

    Attributes:
        values: ``(R, H)`` of each draw kept; H is 1, or 2 where each half of the test patients has its own.
        samples: ``(B, R, H)`` with the labelled patients resampled.
        half: ``(U,)`` which of the H applies to each test case.
        kept: ``(R,)`` places of the draws that have a line.
        transferred: Whether it rests on the draw's own labels, and not on the other half of the test patients.
        note: In words, what is missing; else empty.
    """

    values: Array
    samples: Array
    half: NDArray[np.int64]
    kept: NDArray[np.int64]
    transferred: bool
    note: str = ""


def lines_of(
    point: Point,
    question: Question,
    subjects: Subjects,
    weights: NDArray[np.floating],
    *,
    specificity: float,
    seed: int,
) -> Lines:
    """The lines of one arm at one budget.

    Args:
        point: Its scores.
        question: What is asked.
        subjects: The test cases.
        weights: ``(B, U)`` bootstrap weights of the test cases; used where the line rests on test patients.
        specificity: Wanted.
        seed: Of the resampling.
    """
    if not point.inside:
        return _cross_fitted(point, question, subjects, weights, specificity, seed)
    values, samples, kept, note = [], [], [], ""
    for number, inside in enumerate(point.inside):
        score, truth = question.score(inside.probabilities), question.truth(inside.targets)
        known = np.isfinite(score) & (truth >= 0)
        line = threshold_at_specificity(score[known], truth[known], specificity)
        if not np.isfinite(line.value):
            note = line.note
            continue
        drawn = patient_weights(
            truth[known],
            inside.patients[known],
            replicates=len(weights),
            seed=mix(seed, "line", int(point.draws[number])),
        )
        negative = truth[known] == 0
        samples.append(_weighted_lines(score[known][negative], drawn[:, negative], specificity))
        values.append(line.value)
        kept.append(number)
    if not kept:
        return Lines(
            np.zeros((0, 1)), np.zeros((len(weights), 0, 1)), np.zeros(0, np.int64), np.zeros(0, int), True, note
        )
    lost = len(point.inside) - len(kept)
    note = f"{lost} of {len(point.inside)} draws have no line: each {note}" if lost else ""
    half = np.zeros(len(subjects.truth), np.int64)
    return Lines(np.array(values)[:, None], np.stack(samples, axis=1)[..., None], half, np.array(kept), True, note)


def _cross_fitted(
    point: Point, question: Question, subjects: Subjects, weights: NDArray[np.floating], specificity: float, seed: int
) -> Lines:
    """Where no out-of-fold scores were kept: each half of the test patients takes its line from the other half."""
    random = np.random.default_rng(mix(seed, "halves"))
    of_patient = random.permutation(np.arange(subjects.patient_count) % 2)
    half, score = of_patient[subjects.patients], question.score(point.probabilities)
    values, samples = np.full((len(score), 2), np.nan), np.zeros((len(weights), len(score), 2))
    for side in (0, 1):
        source = (half != side) & (subjects.truth == 0)
        for number, each in enumerate(score):
            values[number, side] = threshold_at_specificity(each[source], subjects.truth[source], specificity).value
            samples[:, number, side] = _weighted_lines(each[source], weights[:, source], specificity)
    note = "no out-of-fold scores were kept: each half of the test patients takes its line from the other half"
    if not np.isfinite(values).all():
        return Lines(values[:0], samples[:, :0], half, np.zeros(0, int), False, "too few negative test patients")
    return Lines(values, samples, half, np.arange(len(score)), False, note)


def _weighted_lines(scores: Array, weights: NDArray[np.floating], specificity: float) -> Array:
    """The line of every replicate: the ceil((n + 1) s)-th smallest negative score, or the largest."""
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    rank = np.ceil((mass[:, -1] + 1) * specificity - 1e-9)
    place = np.minimum((mass < rank[:, None] - 1e-6).sum(axis=1), len(scores) - 1)
    return scores[order][place]


@dataclass(frozen=True)
class Rates:
    """Sensitivity (row 0) and specificity (row 1) of K parts of the test set.

    Attributes:
        values: ``(R, 2, K)`` of each draw.
        samples: ``(B, 2, K)`` bootstrap replicates of the mean over draws.
        patients: ``(2, K)`` patients that each rests on.
        share: n / (N - n), by which the spread of draws stands for another pool.
        stand_in: Rates at the largest budget below, where the whole pool was used.
        lines: The thresholds.
    """

    values: Array
    samples: Array
    patients: NDArray[np.int64]
    share: float
    stand_in: Rates | None
    lines: Lines

    @property
    def estimate(self) -> Array:
        """``(2, K)`` mean over draws; nan where a part has no such case."""
        return self.values.mean(axis=0)

    def contrast(self, side: int, weights: Array) -> Contrast:
        """``weights @ estimate[side]`` with its error and degrees of freedom (Satterthwaite)."""
        used = weights != 0
        estimate = float(weights[used] @ self.estimate[side, used])
        drawn = self.samples[:, side, used] @ weights[used]
        each = self.values[:, side, used] @ weights[used]
        rate = (self.estimate[side, used] * self.patients[side, used] + 0.5) / (self.patients[side, used] + 1)
        least = float(weights[used] ** 2 @ (rate * (1 - rate) / self.patients[side, used]))
        test = max(float(drawn.var(ddof=1)), least)
        draws = len(each)
        between = float(each.var(ddof=1)) if draws > 1 else 0.0
        extra = between / draws if 1 < draws <= FEW_DRAWS else 0.0
        pool, lent = self._pool(side, weights)
        people = max(int(self.patients[side, used].min()) - 1, 1)
        total = test + extra + pool
        df = total**2 / (test**2 / people + extra**2 / max(draws - 1, 1) + pool**2 / lent)
        return Contrast(estimate, sqrt(total), df)

    def _pool(self, side: int, weights: Array) -> tuple[float, int]:
        """Variance over other pools, and the degrees of freedom of the spread that it rests on."""
        source = self if len(self.values) > 1 else self.stand_in
        if source is None or len(source.values) < 2:
            return 0.0, 1
        used = weights != 0
        each = source.values[:, side, used] @ weights[used]
        return float(each.var(ddof=1)) * source.share, len(each) - 1

    def covariance(self, side: int, which: Sequence[int]) -> Array:
        """Covariance of the estimates of some parts, pool included."""
        chosen = list(which)
        found = np.cov(self.samples[:, side, chosen], rowvar=False).reshape(len(chosen), len(chosen))
        draws = len(self.values)
        source = self if draws > 1 else self.stand_in
        if source is not None and len(source.values) > 1:
            between = np.cov(source.values[:, side, chosen], rowvar=False).reshape(len(chosen), len(chosen))
            found = found + between * (source.share + (1 / draws if 1 < draws <= FEW_DRAWS else 0.0))
        return found

    def interval(self, side: int, k: int) -> tuple[float, float]:
        """Of one rate on the logit scale; Wilson's where that is wider, as at 0 and 1."""
        found = self.contrast(side, np.eye(self.values.shape[2])[k])
        return rate_interval(found, int(self.patients[side, k]))


def rate_interval(found: Contrast, patients: int) -> tuple[float, float]:
    """95 % interval of a rate: logit scale by Student's t, and at least Wilson's."""
    reach = float(student.ppf(0.975, found.df))
    low, high = (float(end) for end in wilson(found.estimate, patients, reach))
    if 0 < found.estimate < 1:
        half = reach * found.se / (found.estimate * (1 - found.estimate))
        middle = logit(found.estimate)
        low, high = min(low, float(expit(middle - half))), max(high, float(expit(middle + half)))
    return low, high


def rates_of(
    point: Point,
    question: Question,
    subjects: Subjects,
    parts: NDArray[np.bool_],
    lines: Lines,
    weights: NDArray[np.floating],
    *,
    pool_patients: int,
    stand_in: Rates | None = None,
    seed: int = 0,
) -> Rates:
    """Rates of K parts of the test set at the same line.

    Args:
        point: The scores.
        question: What is asked.
        subjects: The test cases.
        parts: ``(K, U)`` bool.
        lines: As ``lines_of`` gives them, from the same ``weights``.
        weights: ``(B, U)`` bootstrap weights of the test cases.
        pool_patients: N, patients in the development set.
        stand_in: For a budget that is the whole pool: the rates at the largest one below.
        seed: Of the resampling of draws.
    """
    score = question.score(point.probabilities)[lines.kept]
    draws, count, replicates = len(score), len(parts), len(weights)
    right = np.stack([subjects.truth == 1, subjects.truth == 0])
    values, each = np.full((draws, 2, count), np.nan), np.full((draws, replicates, 2, count), np.nan)
    patients = np.array([[len(np.unique(subjects.patients[part & side])) for part in parts] for side in right])
    for side in (0, 1):
        rows = np.flatnonzero(right[side])
        member = (parts[:, rows].T).astype(np.float64)
        mass = weights[:, rows] @ member
        plain = member.sum(axis=0)
        for number in range(draws):
            half = lines.half[rows]
            yes = score[number, rows] > lines.values[number, half]
            found = yes if side == 0 else ~yes
            with np.errstate(invalid="ignore", divide="ignore"):
                values[number, side] = (found @ member) / plain
                again = score[number, rows] > lines.samples[:, number][:, half]
                again = again if side == 0 else ~again
                each[number, :, side] = ((weights[:, rows] * again) @ member) / mass
    if draws > FEW_DRAWS:
        random = np.random.default_rng(mix(seed, "draws"))
        taken = random.multinomial(draws, np.full(draws, 1 / draws), size=replicates) / draws
        samples = np.einsum("br,rbsk->bsk", taken, each)
    else:
        samples = each.mean(axis=0) if draws else np.full((replicates, 2, count), np.nan)
    share = point.patients / (pool_patients - point.patients) if point.patients < pool_patients else 0.0
    return Rates(values, samples, patients, share, stand_in, lines)


def newcombe(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """Interval of the difference of two shares, each with its number of patients (Newcombe 1998, method 10)."""
    (p, n), (q, m) = first, second
    (pl, ph), (ql, qh) = wilson(p, n), wilson(q, m)
    low = p - q - sqrt((p - pl) ** 2 + (qh - q) ** 2)
    return float(low), float(p - q + sqrt((ph - p) ** 2 + (q - ql) ** 2))
