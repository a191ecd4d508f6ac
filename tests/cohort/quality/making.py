"""Evidence for rules, made without files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.cohort.labels import Labels
from workbench.cohort.quality import measures
from workbench.cohort.quality.evidence import COLUMNS, Evidence
from workbench.cohort.quality.finding import Finding

PLAIN = {
    "patient_unknown": False,
    "modality": "DX",
    "body_part": "CHEST",
    "view_position": "PA",
    "laterality": None,
    "sex": "F",
    "age_years": 40,
    "scanner": "A",
    "site": "north",
    "rows": 512,
    "columns": 512,
    "bits_stored": 12,
    "photometric": "MONOCHROME2",
    "spacing_row_mm": 0.2,
    "spacing_column_mm": 0.2,
    "spacing_plane": "detector",
    "perceptual_hash": None,
    "flags": "",
}
MEASURED = {
    "low": 0.0,
    "high": 4000.0,
    "std": 800.0,
    "mode_share": 0.01,
    "low_share": 0.0,
    "high_share": 0.0,
    "levels": 3000.0,
    "span": 3500.0,
    "combing": 0.0,
    "corner_contrast": -0.4,
    "glyphs": 0.0,
    "still_glyphs": 0.0,
    "bits_beyond": 0.0,
}


def evidence(number: int = 20, *, numbers: dict[str, Any] | None = None, others: dict | None = None, **columns: Any):
    """Evidence of plain radiographs of as many patients; columns replace the defaults (a value, or one per scan)."""
    names = [f"{place:03d}" for place in range(number)]
    table: dict[str, Any] = {
        "scan_id": [f"S{name}" for name in names],
        "patient_key": [f"P{name}" for name in names],
        "study_key": [f"T{name}" for name in names],
        "series_key": [f"R{name}" for name in names],
        "instance_key": [f"I{name}" for name in names],
        "pixel_hash": [f"h{name}" for name in names],
        "group": [f"G{name}" for name in names],
        **PLAIN,
        **dict.fromkeys([name for name, _ in measures.COLUMNS[1:]], np.nan),
        **MEASURED,
        **columns,
    }
    scans = pd.DataFrame(table, index=range(number))
    assert set(COLUMNS) <= set(scans)
    return Evidence(scans, numbers or {}, **(others or {}))


def some(number: int, chosen: dict[int, Any], otherwise: Any) -> list[Any]:
    """A column with a few values of its own."""
    return [chosen.get(place, otherwise) for place in range(number)]


def one(findings: Any, code: str) -> Finding:
    """The finding of that code."""
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def labels_of(table: dict[str, Any], *, report: dict | None = None, attributes: dict | None = None, **changes: Any):
    """Labels of the scans named in ``table``."""
    frame = pd.DataFrame(table)
    extra = pd.DataFrame({"scan_id": frame["scan_id"], **(attributes or {})})
    facts: dict[str, Any] = {"task": "binary", "classes": ["no", "yes"], "unit": "sop", **changes}
    return Labels(version="v1", table=frame, attributes=extra, report=report or {}, **facts)
