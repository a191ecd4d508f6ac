"""A measured value with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

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


def wilson(share: ArrayLike, n: ArrayLike, z: float = 1.959963984540054) -> tuple[Any, Any]:
    """Wilson's interval of a share out of n (Journal of the American Statistical Association 1927), by default 95 %."""
    share, n = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
