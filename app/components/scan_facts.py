"""What is known of a scan, in words: for a tile's caption, the viewer's title, and the table below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.components.frame import escape

NAMES = {
    "modality": "Kind", "body_part": "Body part", "view_position": "View", "laterality": "Side", "sex": "Sex",
    "age_years": "Age", "manufacturer": "Maker", "model": "Model", "scanner": "Scanner", "site": "Site",
    "study_date": "Date of the exam, shifted", "bits_stored": "Bits", "patient_key": "Patient (key)",
    "series_key": "Series (key)", "scan_id": "Picture (key)",
}  # fmt: skip
PLANES = {"detector": " at the detector", "scanned": " on the scanned film", "unknown": " (the plane is not stated)"}


def caption(row: Mapping[str, Any], parts: tuple[str, ...] = ("modality", "view_position", "sex", "age_years")) -> str:
    """A few words, such as ``DX PA F 53 y``."""
    words = [years(row[name]) if name == "age_years" else str(row[name]) for name in parts if stated(row.get(name))]
    return " ".join(words) or "Picture"


def years(age: Any) -> str:
    """An age in words."""
    return "90 y or over" if float(age) >= 90 else f"{float(age):.0f} y"


def facts(row: Mapping[str, Any], label: str = "") -> dict[str, str]:
    """What the manifest says of a scan, by name, as Markdown in which nothing that came from a file is markup."""
    found = {}
    for name, shown in NAMES.items():
        value = row.get(name)
        if stated(value):
            text = years(value) if name == "age_years" else f"{value:g}" if isinstance(value, float) else str(value)
            found[shown] = escape(text)
    found["Size"] = f"{row['columns']:.0f} x {row['rows']:.0f} pixels"
    if stated(row.get("spacing_row_mm")) and row.get("spacing_plane") not in (None, "none"):
        where = PLANES.get(str(row["spacing_plane"]), "")
        found["Pixel"] = f"{row['spacing_column_mm']:.3g} x {row['spacing_row_mm']:.3g} mm{where}"
    flags = [flag.replace("_", " ") for flag in str(row.get("flags") or "").split(";") if flag]
    found["Findings"] = escape(", ".join(flags)) or "none"
    if label:
        found["Label"] = escape(label)
    return found


def stated(value: object) -> bool:
    """Whether a cell of the manifest holds something."""
    return value is not None and value == value and value != ""
