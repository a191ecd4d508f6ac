"""Rules about sizes: pixel spacing far from the rest or of unknown meaning (Q14), odd picture sizes (Q15)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

SMALLER, LARGER = 0.2, 5.0
"""Spacing over the median of its modality."""
SMALLEST_SIDE = 64
LARGEST_ASPECT = 5.0


def spacing(evidence: Evidence) -> Iterator[Finding]:
    """Q14: spacing outside 0.2 to 5 times the median of its modality, or with no known meaning."""
    scans = evidence.scans
    row = scans["spacing_row_mm"].to_numpy(float, na_value=np.nan)
    column = scans["spacing_column_mm"].to_numpy(float, na_value=np.nan)
    median = scans.groupby("modality", dropna=False)["spacing_row_mm"].transform("median").to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        odd = np.zeros(len(scans), bool)
        for value in (row, column):
            ratio = value / median
            odd |= (ratio < SMALLER) | (ratio > LARGER)
    odd |= evidence.having("spacing_suspect")
    if odd.any():
        number = int(odd.sum())
        yield Finding(
            "Q14",
            "spacing_outlier",
            "warn",
            "Unlikely pixel spacing",
            f"{number_of(number, 'picture', 'has', 'have')} a pixel spacing that cannot be right, or that lies outside "
            f"{SMALLER:g} to {LARGER:g} times the median of its modality.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(odd),
            details=[f"{row[place]:.3g} x {column[place]:.3g} mm" for place in np.flatnonzero(odd)],
        )
    unknown = (scans["spacing_plane"] == "unknown").to_numpy(bool)
    if unknown.any():
        number = int(unknown.sum())
        yield Finding(
            "Q14",
            "spacing_unknown",
            "warn",
            "Spacing of unknown meaning",
            f"{number_of(number, 'picture', 'states', 'state')} a pixel spacing without saying whether it holds at the "
            "detector or in the patient: sizes in millimetres are not to be trusted.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(unknown),
        )


def size(evidence: Evidence) -> Iterator[Finding]:
    """Q15: a side shorter than 64 pixels, or one side more than five times the other."""
    rows = evidence.scans["rows"].to_numpy(float, na_value=np.nan)
    columns = evidence.scans["columns"].to_numpy(float, na_value=np.nan)
    short, long = np.fmin(rows, columns), np.fmax(rows, columns)
    odd = (short < SMALLEST_SIDE) | (long > LARGEST_ASPECT * short)
    if odd.any():
        number = int(odd.sum())
        places = np.flatnonzero(odd)
        yield Finding(
            "Q15",
            "size_outlier",
            "warn",
            "Unusual picture sizes",
            f"{number_of(number, 'picture', 'has', 'have')} a side of less than {SMALLEST_SIDE} pixels, or one side "
            f"more than {LARGEST_ASPECT:.0f} times as long as the other.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(odd),
            details=[f"{rows[place]:.0f} x {columns[place]:.0f} pixels" for place in places],
        )
