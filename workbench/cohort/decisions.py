"""What people decided about scans and findings: a journal to which lines are only ever added (``decisions.csv``).

Lines written together are one act, numbered from 1. An act is undone by another act that names it, so that the journal
tells the whole story.
"""

from __future__ import annotations

import csv
import fcntl
import getpass
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from workbench.cohort.identifying import looks_identifying
from workbench.errors import InputError

FILE = "decisions.csv"
COLUMNS = ("decision", "scope", "key", "reason", "who", "when")
DECISIONS = ("exclude", "include", "confirm", "sign", "withdraw")
SCOPES = {
    "scan": "scan_id",
    "series": "series_key",
    "study": "study_key",
    "patient": "patient_key",
    "finding": "",
    "sheet": "",
    "act": "",
}
"""Scope of a decision, and the manifest's column whose values its keys are."""


@dataclass(frozen=True)
class Act:
    """Lines that were written together.

    Attributes:
        number: Its number, from 1.
        lines: ``(decision, scope, key)``.
        reason, who, when: Why, by whom, and when (UTC).
        undone: Whether a later act withdrew it.
    """

    number: int
    lines: tuple[tuple[str, str, str], ...]
    reason: str
    who: str
    when: str
    undone: bool = False


def begin(folder: Path) -> None:
    """Make the empty table, if there is none."""
    file = folder / FILE
    if not file.exists():
        with file.open("x", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow(COLUMNS)


def add(folder: Path, decision: str, scope: str, keys: Sequence[str], *, reason: str, who: str = "") -> None:
    """Write one act: the same decision about each key.

    Args:
        folder: The cohort's folder.
        decision: ``exclude``, ``include`` (which also lifts an exclusion), ``confirm``, ``sign`` or ``withdraw``.
        scope: What the keys are: ``scan``, ``series``, ``study``, ``patient``, ``finding``, ``sheet`` or ``act``.
        keys: Keys of the manifest, of findings, of contact sheets, or numbers of acts.
        reason: In a few words; no names of patients, for this file is part of the cohort.
        who: Who decided; the account's name when not given.

    Raises:
        InputError: The decision or scope is unknown, there is no reason, or it seems to name a patient.
    """
    add_act(folder, [(decision, scope, key) for key in keys], reason=reason, who=who)


def add_act(folder: Path, lines: Iterable[tuple[str, str, str]], *, reason: str, who: str = "") -> None:
    """Write one act of several decisions ``(decision, scope, key)``; see ``add``."""
    lines = list(lines)
    for decision, scope, _ in lines:
        if decision not in DECISIONS:
            raise InputError(f"Unknown decision '{decision}'.", todo=f"Choose one of {', '.join(DECISIONS)}.")
        if scope not in SCOPES:
            raise InputError(f"Unknown scope '{scope}'.", todo=f"Choose one of {', '.join(SCOPES)}.")
    if not reason.strip():
        raise InputError("A decision needs a reason.", todo="Say in a few words why.")
    if looks_identifying(reason):
        raise InputError(
            "The reason seems to hold a date, a number of a person or a name in DICOM's form.",
            todo="Say why without naming a patient: the journal travels with the cohort.",
        )
    begin(folder)
    with (folder / FILE).open("a", newline="", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        person = " ".join((who or account()).split())
        csv.writer(stream).writerows((*line, " ".join(reason.split()), person, now) for line in lines)


def account() -> str:
    """The name of the account that runs the program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def read(folder: Path) -> list[dict[str, str]]:
    """Every line, oldest first, undone ones included."""
    file = folder / FILE
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def acts(folder: Path) -> list[Act]:
    """The acts, oldest first; an undoing that was itself undone does not count."""
    found: list[Act] = []
    for (reason, who, when), lines in groupby(
        read(folder), key=lambda line: (line["reason"], line["who"], line["when"])
    ):
        rows = tuple((line["decision"], line["scope"], line["key"]) for line in lines)
        found.append(Act(len(found) + 1, rows, reason, who, when))
    undone: set[int] = set()
    for act in reversed(found):  # a later act is judged before the ones that it may withdraw
        if act.number not in undone:
            undone.update(int(key) for decision, scope, key in act.lines if (decision, scope) == ("withdraw", "act"))
    return [Act(act.number, act.lines, act.reason, act.who, act.when, act.number in undone) for act in found]


def undo(folder: Path, number: int, *, reason: str, who: str = "") -> Act:
    """Withdraw an act.

    Returns:
        The act that was withdrawn.

    Raises:
        InputError: There is no such act, or it was withdrawn already.
    """
    known = {act.number: act for act in acts(folder)}
    act = known.get(number)
    if act is None:
        raise InputError(
            f"There is no decision number {number}.",
            todo=f"Numbers go from 1 to {len(known)}." if known else "Nothing has been decided yet.",
        )
    if act.undone:
        raise InputError(f"Decision number {number} was undone already.")
    add(folder, "withdraw", "act", [str(number)], reason=reason, who=who)
    return act


def standing(folder: Path, decision: str) -> dict[str, set[str]]:
    """What is excluded (or included) now: manifest column to keys; the latest decision about a key counts.

    Args:
        folder: The cohort's folder.
        decision: ``exclude`` or ``include``.
    """
    latest: dict[tuple[str, str], str] = {}
    for act in acts(folder):
        if not act.undone:
            for word, scope, key in act.lines:
                if SCOPES.get(scope):
                    latest[(scope, key)] = word
    result: dict[str, set[str]] = {}
    for (scope, key), last in latest.items():
        if last == decision:
            result.setdefault(SCOPES[scope], set()).add(key)
    return result


def confirmed(folder: Path, scope: str) -> dict[str, Act]:
    """What was confirmed or signed and stands: key to the latest act.

    Args:
        folder: The cohort's folder.
        scope: ``finding`` or ``sheet``.
    """
    found: dict[str, Act] = {}
    for act in acts(folder):
        if not act.undone:
            found.update({key: act for word, kind, key in act.lines if kind == scope and word in ("confirm", "sign")})
    return found
