"""Further columns of a label table, kept for audits and given splits, unless they could identify somebody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.cohort.label_table import as_number, column_named

if TYPE_CHECKING:
    import pandas as pd

IDENTIFYING_NAMES = re.compile(
    r"name|surname|birth|dob|mrn|ssn|accession|address|phone|e-?mail|physician|doctor|operator|comment|note|text|"
    r"report|(?:^|[^a-z])(?:id|pid|uid|uuid|nhs|date|time|path|file|image|url)(?:[^a-z]|$)|uid$|_id$|patientid|filename|vorname",
    re.IGNORECASE,
)
IDENTIFYING_CELLS = re.compile(r"\^|@|\d{5,}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|[/\\]|\.(?:dcm|png|jpe?g)$", re.IGNORECASE)
MAX_VALUES = 50
MAX_LENGTH = 40


def choose_attributes(
    table: pd.DataFrame, used: list[str], patients: int, *, wanted: str = "auto"
) -> tuple[list[str], dict[str, str]]:
    """Which further columns to keep, and why others are not kept.

    Args:
        table: The label table, cells as text.
        used: The key column and the label columns.
        patients: Number of patients in the cohort; a text with a value for every second of them could name them.
        wanted: ``auto``, ``none``, or the columns' names separated by commas.

    Returns:
        The columns kept, and for each other column a few words why it was dropped.

    Raises:
        InputError: A named column is absent.
    """
    others = [name for name in table.columns if name not in used]
    if wanted == "none":
        return [], dict.fromkeys(others, "not asked for")
    named = (
        [] if wanted == "auto" else [column_named(table, name.strip()) for name in wanted.split(",") if name.strip()]
    )
    kept, dropped = [], {}
    for name in others:
        reason = "not asked for" if named and name not in named else identifying(name, table[name], patients)
        if reason:
            dropped[name] = reason
        else:
            kept.append(name)
    return kept, dropped


def identifying(name: str, cells: pd.Series, patients: int) -> str:
    """Why a column could identify somebody, in a few words; empty if nothing speaks for it."""
    if IDENTIFYING_NAMES.search(name):
        return "its name says that it could identify somebody"
    filled = cells[cells != ""]
    if filled.empty:
        return "it is empty"
    if filled.str.contains(IDENTIFYING_CELLS).any():
        return "its cells look like dates, numbers of people, paths or names"
    if filled.str.len().max() > MAX_LENGTH:
        return "its cells hold free text"
    values = set(filled)
    if all(as_number(value) is not None for value in values):
        return ""
    if len(values) > MAX_VALUES or len(values) > max(3, patients / 2):
        return "it has too many different words"
    return ""
