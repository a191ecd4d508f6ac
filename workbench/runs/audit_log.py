"""The audit log: who did what, to what, and when; the database refuses to change or remove its entries."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.runs.database import connect
from workbench.runs.workspace import Workspace

EVENTS = {
    "sign-in": "Signed in",
    "sign-out": "Signed out",
    "role": "Gave a role",
    "decision": "Decided about pictures",
    "labels": "Published labels",
    "export": "Exported",
    "sign-off": "Signed off",
    "setting": "Changed a setting",
}
"""What is logged, and what people call it."""


@dataclass(frozen=True)
class Entry:
    """One line of the log.

    Attributes:
        number: Its place; no number is missing.
        at: Unix time.
        event: One of ``EVENTS``.
        subject: What it was done to: a cohort, a run, an account.
        who: Account of the person.
        details: What else belongs to it.
    """

    number: int
    at: float
    event: str
    subject: str
    who: str
    details: Mapping[str, Any]


def log(workspace: Workspace, event: str, subject: str, who: str, **details: Any) -> None:
    """Add an entry in a transaction of its own."""
    with connect(workspace) as connection:
        write(connection, event, subject, who, details)


def write(
    connection: sqlite3.Connection,
    event: str,
    subject: str,
    who: str,
    details: Mapping[str, Any],
    *,
    now: float | None = None,
) -> None:
    """Add an entry within the transaction that does the thing itself, so that neither is there without the other.

    Raises:
        ValueError: The event is none of ``EVENTS``.
    """
    if event not in EVENTS:
        raise ValueError(event)
    connection.execute(
        "INSERT INTO audit_log (at, event, subject, who, details) VALUES (?, ?, ?, ?, ?)",
        (time.time() if now is None else now, event, subject, who, json.dumps(details, sort_keys=True, default=str)),
    )


def entries(workspace: Workspace, *, containing: str = "", event: str = "", limit: int = 500) -> list[Entry]:
    """The newest entries first.

    Args:
        containing: Text that person, subject or details contain, in any case.
        event: One of ``EVENTS``; all if empty.
        limit: At most so many.
    """
    words = f"%{containing.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
    with connect(workspace) as connection:
        rows = connection.execute(
            "SELECT * FROM audit_log WHERE (? = '' OR event = ?) "
            "AND (who LIKE ? ESCAPE '!' OR subject LIKE ? ESCAPE '!' OR details LIKE ? ESCAPE '!') "
            "ORDER BY number DESC LIMIT ?",
            (event, event, words, words, words, limit),
        ).fetchall()
    return [
        Entry(row["number"], row["at"], row["event"], row["subject"], row["who"], json.loads(row["details"]))
        for row in rows
    ]
