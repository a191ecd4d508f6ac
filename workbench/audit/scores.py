"""What an audit looks at: test cases with their truth and attributes, and the scores that models gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Inside:
    """What the labelled cases of one draw said out of fold: the only labels a threshold may be set on.

    Attributes:
        probabilities: ``(n, C)``, nan where no fold could be held out.
        targets: ``(n,)`` class indices, or ``(n, C)`` of 0, 1 and nan.
        patients: ``(n,)``.
    """

    probabilities: NDArray[np.float64]
    targets: NDArray[Any]
    patients: NDArray[Any]


@dataclass(frozen=True)
class Point:
    """The scores of one arm at one budget.

    Attributes:
        arm, protocol, budget: Which.
        n: Labels on the axis.
        patients: Patients in it.
        draws: ``(R,)`` numbers of the draws.
        probabilities: ``(R, U, C)`` of the test cases.
        inside: One per draw; empty where out-of-fold scores were not kept.
    """

    arm: str
    protocol: str
    budget: str
    n: float
    patients: float
    draws: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    inside: list[Inside] = field(default_factory=list)


@dataclass(frozen=True)
class Subjects:
    """The test cases.

    Attributes:
        keys: ``(U,)`` scan, exam or patient.
        targets: ``(U,)`` class indices, or ``(U, C)`` of 0, 1 and nan.
        truth: ``(U,)`` 1 and 0: the answer to the audit's question.
        patients: ``(U,)`` int: number of the patient of each case, 0 to P - 1.
        attributes: One column per attribute, the group of each case as text; empty where it is not recorded.
    """

    keys: NDArray[Any]
    targets: NDArray[Any]
    truth: NDArray[np.int64]
    patients: NDArray[np.int64]
    attributes: pd.DataFrame

    @property
    def patient_count(self) -> int:
        """P."""
        return int(self.patients.max(initial=-1)) + 1

    def sizes(self, rows: NDArray[np.bool_] | None = None) -> Sizes:
        """How many cases and patients some rows hold."""
        inside = np.ones(len(self.truth), bool) if rows is None else rows
        yes, no = (np.unique(self.patients[inside & (self.truth == answer)]) for answer in (1, 0))
        return Sizes(int(inside.sum()), len(np.unique(self.patients[inside])), len(yes), len(no))


FEWEST_SHOWN = 10
FEWEST_JUDGED = 30
FEWEST_RATE = 20
ENOUGH_TO_BE_PRECISE = 100


@dataclass(frozen=True)
class Sizes:
    """Numbers that decide what may be said of a group.

    Attributes:
        cases: Scans, exams or patients, whatever an answer is about.
        patients: Patients.
        positive: Patients with a positive case.
        negative: Patients with a negative case.
    """

    cases: int
    patients: int
    positive: int
    negative: int

    @property
    def shown(self) -> bool:
        """An AUC may be printed: 10 positive and 10 negative patients."""
        return min(self.positive, self.negative) >= FEWEST_SHOWN

    @property
    def judged(self) -> bool:
        """An AUC enters tests and rankings: 30 and 30."""
        return min(self.positive, self.negative) >= FEWEST_JUDGED

    @property
    def judged_sensitivity(self) -> bool:
        """A sensitivity enters tests: 20 positive patients."""
        return self.positive >= FEWEST_RATE

    @property
    def judged_specificity(self) -> bool:
        """A specificity enters tests: 20 negative patients."""
        return self.negative >= FEWEST_RATE

    @property
    def note(self) -> str:
        """What a reader must be told of the numbers; empty from 100 and 100 patients on."""
        fewest = min(self.positive, self.negative)
        if not self.shown:
            return f"too few to judge: {self.positive} positive and {self.negative} negative patients"
        if not self.judged:
            return f"shown, not judged: {fewest} patients on one side, {FEWEST_JUDGED} are needed"
        return "" if fewest >= ENOUGH_TO_BE_PRECISE else f"imprecise: {fewest} patients on one side"
