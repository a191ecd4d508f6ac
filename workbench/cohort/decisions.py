"""What people decided about scans: a table to which lines are only ever added (``decisions.csv``)."""

from __future__ import annotations

import csv
import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import InputError

FILE = "decisions.csv"
COLUMNS = ("decision", "scope", "key", "reason", "who", "when")
DECISIONS = ("exclude", "include", "confirm")
SCOPES = {"scan": "scan_id", "series": "series_key", "study": "study_key", "patient": "patient_key", "finding": ""}
"""Scope of a decision, and the manifest's column whose values its keys are."""


def begin(folder: Path) -> None:
    """Make the empty table, if there is none."""
    file = folder / FILE
    if not file.exists():
        with file.open("x", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow(COLUMNS)


def add(folder: Path, decision: str, scope: str, keys: Sequence[str], *, reason: str, who: str = "") -> None:
    """Add one line per key.

    Args:
        folder: The cohort's folder.
        decision: ``exclude``, ``include`` (takes an exclusion back, or admits a flagged scan) or ``confirm``.
        scope: ``scan``, ``series``, ``study``, ``patient`` or ``finding``.
        keys: The keys of the scope, from the manifest.
        reason: Why, in a few words; no names.
        who: Who decided; the account's name when not given.

    Raises:
        InputError: The decision or scope is unknown, or there is no reason.
    """
    if decision not in DECISIONS:
        raise InputError(f"Unknown decision '{decision}'.", todo=f"Choose one of {', '.join(DECISIONS)}.")
    if scope not in SCOPES:
        raise InputError(f"Unknown scope '{scope}'.", todo=f"Choose one of {', '.join(SCOPES)}.")
    if not reason.strip():
        raise InputError("A decision needs a reason.", todo="Say in a few words why.")
    begin(folder)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with (folder / FILE).open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows((decision, scope, key, reason, who or getpass.getuser(), now) for key in keys)


def read(folder: Path) -> list[dict[str, str]]:
    """Every decision, oldest first."""
    file = folder / FILE
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def standing(folder: Path, decision: str) -> dict[str, set[str]]:
    """What is excluded (or included) now: manifest column to keys; the latest decision about a key counts.

    Args:
        folder: The cohort's folder.
        decision: ``exclude`` or ``include``.
    """
    latest: dict[tuple[str, str], str] = {}
    for line in read(folder):
        if line["decision"] != "confirm":
            latest[(line["scope"], line["key"])] = line["decision"]
    result: dict[str, set[str]] = {}
    for (scope, key), last in latest.items():
        if last == decision and SCOPES.get(scope):
            result.setdefault(SCOPES[scope], set()).add(key)
    return result
