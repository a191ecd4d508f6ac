"""A measured value with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_PATIENTS = 10
WIDE_PATIENTS = 30


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval, clustered by patient.

    Attributes:
        value: The estimate; nan where it is not defined.
        low, high: Ends of the 95 % interval; nan where none is given.
        n: Scans (or exams) that it rests on.
        n_patients: Patients that it rests on.
        note: In words, why the interval is absent or should be read with care; else empty.
    """

    value: float
    low: float
    high: float
    n: int
    n_patients: int
    note: str = ""

    def __str__(self) -> str:
        if self.low != self.low or self.high != self.high:
            return f"{self.value:.3f} (no interval)"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def note_on_size(fewest: int) -> str:
    """What to say when a class has few test patients; empty from 30 patients on.

    Args:
        fewest: Patients of the class that has fewest of them.
    """
    if fewest < FEWEST_PATIENTS:
        return f"no interval: only {fewest} test patients in one class, at least {FEWEST_PATIENTS} are needed"
    if fewest < WIDE_PATIENTS:
        return f"wide: only {fewest} test patients in one class"
    return ""
