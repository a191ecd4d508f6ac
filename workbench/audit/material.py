"""All that an audit works on, with what several of its parts need worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import BOTH
from workbench.audit.operating import Lines, lines_of
from workbench.audit.question import Question
from workbench.audit.reliability import recalibrated
from workbench.audit.scores import Point, Subjects
from workbench.study.contrasts import Contrast

MATCHED_ON = ("age", "view", "site")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """Scores of one arm, and of its reference, on the test cases.

    Attributes:
        subjects: The test cases.
        question: What is asked.
        points: The audited arm at every budget, by growing number of labels.
        primary: The one of them that claims are about.
        reference: The reference's points; empty for none.
        pool_patients: Patients in the development set.
        specificity: At the operating point.
        replicates: Of bootstraps.
        seed: Of everything random.
    """

    subjects: Subjects
    question: Question
    points: list[Point]
    primary: Point
    reference: list[Point] = field(default_factory=list)
    pool_patients: int = 0
    specificity: float = 0.9
    replicates: int = 1000
    seed: int = 0
    _kept: dict[tuple[str, str, str, str], Array] = field(default_factory=dict, repr=False)
    _lines: dict[tuple[str, str, str], Lines] = field(default_factory=dict, repr=False)

    def score(self, point: Point) -> Array:
        """``(R, U)`` probability of yes as the model gave it."""
        key = ("score", point.arm, point.protocol, point.budget)
        if key not in self._kept:
            self._kept[key] = self.question.score(point.probabilities)
        return self._kept[key]

    def probability(self, point: Point) -> Array:
        """``(R, U)`` probability of yes after each draw's own temperature."""
        key = ("probability", point.arm, point.protocol, point.budget)
        if key not in self._kept:
            self._kept[key] = self.question.score(recalibrated(point, self.question))
        return self._kept[key]

    def lines(self, point: Point, weights: NDArray[np.floating]) -> Lines:
        """The thresholds at one budget; ``weights`` ``(B, U)`` are those of the test cases."""
        key = (point.arm, point.protocol, point.budget)
        if point.inside and key in self._lines:
            return self._lines[key]
        made = lines_of(point, self.question, self.subjects, weights, specificity=self.specificity, seed=self.seed)
        self._lines[key] = made
        return made

    def with_stand_in(self) -> list[Point]:
        """The primary point, last; before it the largest budget below, where the primary one is the whole pool: the
        spread of its draws then stands for that of other pools."""
        below = [p for p in self.points if p.patients < self.pool_patients and len(p.draws) > 1]
        if self.primary.patients < self.pool_patients or not below:
            return [self.primary]
        return [below[-1], self.primary]

    def paired(self) -> list[tuple[Point, Point]]:
        """The arm and its reference at the budgets that both have."""
        other = {point.budget: point for point in self.reference}
        return [(point, other[point.budget]) for point in self.points if point.budget in other]

    def case_mix(self, without: str) -> dict[str, NDArray[np.object_]]:
        """Values of age, view and site, but for one of them, where they are recorded."""
        table = self.subjects.attributes
        inside = without.split(BOTH)
        return {name: table[name].to_numpy(dtype=object) for name in MATCHED_ON if name in table and name not in inside}

    def contrast_of(self, values: Array, samples: Array, *, lent: tuple[float, int] = (0.0, 1)) -> Contrast:
        """A mean over draws at the primary budget whose test error comes from a bootstrap of patients.

        Args:
            values: ``(R, 1)`` or ``(R,)`` the statistic of each draw.
            samples: ``(R, B)`` its bootstrap replicates, on the same resampled patients for each draw.
            lent: Variance over pools and its degrees of freedom, for a budget that was drawn once.
        """
        each = np.asarray(values, dtype=np.float64).reshape(len(samples), -1)[:, 0]
        together = samples.mean(axis=0)
        test = float(np.nanvar(together, ddof=1))
        draws = len(each)
        between = float(each.var(ddof=1)) if draws > 1 else 0.0
        n, total = self.primary.patients, self.pool_patients
        extra, nu = between * (1 / draws + (n / (total - n) if n < total else 0.0)), draws - 1
        if draws == 1:
            extra, nu = lent
        people = max(self.subjects.patient_count - 2, 1)
        variance = test + extra
        if variance <= 0:
            return Contrast(float(each.mean()), 0.0, float("inf"))
        df = variance**2 / (test**2 / people + extra**2 / max(nu, 1))
        return Contrast(float(each.mean()), sqrt(variance), df)
