"""How strongly an attribute goes with the label among labelled patients: what could be learned in place of disease."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

PRESENT = 0.1
"""Cramer's V from which an association is called one, if it is more than chance."""


@dataclass(frozen=True)
class Association:
    """Attribute against answer, one patient once.

    Attributes:
        v: Cramer's V, corrected for bias (Bergsma 2013); 0 none, 1 full.
        p: Of Pearson's chi-squared test.
        patients: Patients counted.
        table: Group to (positive, negative) patients.
    """

    v: float
    p: float
    patients: int
    table: dict[str, tuple[int, int]]


def association(values: NDArray[np.str_], truth: NDArray[np.int64], patients: NDArray) -> Association:  # type: ignore[type-arg]
    """Cramer's V of a patient's first recorded value and whether any of the patient's scans is positive.

    Args:
        values: ``(N,)`` groups of the scans.
        truth: ``(N,)`` 1 and 0.
        patients: ``(N,)``.
    """
    _, member = np.unique(patients, return_inverse=True)
    count = int(member.max(initial=-1)) + 1
    first = np.full(count, len(values))
    np.minimum.at(first, member, np.arange(len(values)))
    positive = np.zeros(count, bool)
    np.logical_or.at(positive, member, truth == 1)
    names, code = np.unique(values[first], return_inverse=True)
    counts = np.stack([np.bincount(code[positive == side], minlength=len(names)) for side in (True, False)], axis=1)
    table = {str(name): (int(yes), int(no)) for name, (yes, no) in zip(names, counts, strict=True)}
    rows, n = len(names), int(counts.sum())
    if rows < 2 or (counts.sum(axis=0) == 0).any():
        return Association(0.0, 1.0, n, table)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    q = float(((counts - expected) ** 2 / expected).sum())
    phi = max(0.0, q / n - (rows - 1) / (n - 1))
    narrow = min(rows - (rows - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)) - 1
    return Association(float(np.sqrt(phi / narrow)) if narrow > 0 else 0.0, float(chi2.sf(q, rows - 1)), n, table)
