"""The chain of records: what people said about models, in order; each record holds the hash of the one before.

A record that is changed, removed or slipped in later breaks the chain at that place, which ``verify`` finds. Cutting
off its end leaves a shorter chain that fits in itself: only a hash that was kept elsewhere (on a signed card, in an
exported folder) shows it, so ``verify`` takes such hashes. The pattern is that of a hash chain with linked
time-stamps (Haber & Stornetta 1991).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.cohort.decisions import account
from workbench.errors import InputError
from workbench.runs.audit_log import write
from workbench.runs.database import connect
from workbench.runs.workspace import Workspace

BEGINNING = "0" * 64
KINDS = ("queue", "first read", "verdict", "signoff", "acknowledgement", "card", "override", "alias", "export")

LOGGED = {
    "acknowledgement": "sign-off",
    "signoff": "sign-off",
    "export": "export",
    "alias": "export",
    "override": "export",
    "card": "setting",
}
"""The kinds of record that stand in the workspace's audit log too, and as what."""


@dataclass(frozen=True)
class Record:
    """One thing that somebody said or did.

    Attributes:
        number: From 1.
        kind: One of ``KINDS``.
        subject: What it is about: the SHA-256 of a model's weights.
        content: What was said.
        who: The person.
        account: The account of this computer under which it was said.
        at: When (UTC).
        before: Hash of the record before.
        hash: SHA-256 over all of the above.
    """

    number: int
    kind: str
    subject: str
    content: dict[str, Any]
    who: str
    account: str
    at: str
    before: str
    hash: str


@dataclass(frozen=True)
class Verified:
    """What checking the chain found.

    Attributes:
        records: How many there are.
        head: Hash of the last one.
        broken: What does not fit, in sentences; empty when all fits.
    """

    records: int
    head: str
    broken: tuple[str, ...]


def append(
    workspace: Workspace, kind: str, subject: str, content: Mapping[str, Any], *, who: str, at: str = ""
) -> Record:
    """Add a record at the end of the chain.

    Args:
        workspace: Its database holds the chain.
        kind: One of ``KINDS``.
        subject: The SHA-256 of a model's weights.
        content: Plain values. No name, number or date of a patient.
        who: The person.
        at: When; now if empty.

    Raises:
        InputError: The kind is unknown, or nobody is named.
        OperationFailed: The database cannot be written.
    """
    with connect(workspace) as database:
        return append_to(database, kind, subject, content, who=who, at=at)


def append_to(
    database: sqlite3.Connection, kind: str, subject: str, content: Mapping[str, Any], *, who: str, at: str = ""
) -> Record:
    """The same inside a transaction of the caller's, which may have looked at other records first."""
    person = " ".join(who.split())
    if kind not in KINDS:
        raise InputError(f"There is no kind of record '{kind}'.", todo=f"Use one of {', '.join(KINDS)}.")
    if not person:
        raise InputError("Nobody is named.", where="who", todo="Say who you are: who='A. Reader'.")
    last = database.execute("SELECT number, hash FROM chain ORDER BY number DESC LIMIT 1").fetchone()
    number, before = (last["number"] + 1, last["hash"]) if last else (1, BEGINNING)
    text = json.dumps(dict(content), sort_keys=True, ensure_ascii=False, allow_nan=False)
    moment = at or datetime.now(UTC).isoformat(timespec="milliseconds")
    values = (number, kind, subject, text, person, account(), moment, before)
    seal = hash_of(values)
    database.execute("INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, seal))
    if kind in LOGGED:
        write(database, LOGGED[kind], subject, person, {"record": number, "kind": kind})
    return Record(number, kind, subject, json.loads(text), person, values[5], moment, before, seal)


def records(workspace: Workspace, *, kind: str | Sequence[str] = (), subject: str = "") -> list[Record]:
    """Records in order: all, or those of some kinds, or about one model."""
    with connect(workspace) as database:
        return records_of(database, kind=kind, subject=subject)


def records_of(database: sqlite3.Connection, *, kind: str | Sequence[str] = (), subject: str = "") -> list[Record]:
    """The same inside a transaction of the caller's."""
    kinds = (kind,) if isinstance(kind, str) else tuple(kind)
    wanted = [f"kind IN ({', '.join('?' * len(kinds))})"] if kinds else []
    wanted += ["subject = ?"] if subject else []
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    rows = database.execute(
        f"SELECT * FROM chain {where} ORDER BY number", (*kinds, *([subject] if subject else []))
    ).fetchall()
    return [_record(row) for row in rows]


def verify(workspace: Workspace, kept: Iterable[str] = ()) -> Verified:
    """Check every record and every link.

    Args:
        workspace: Its database holds the chain.
        kept: Hashes that were written down elsewhere; each must still be in the chain.
    """
    with connect(workspace) as database:
        rows = database.execute("SELECT * FROM chain ORDER BY number").fetchall()
    broken: list[str] = []
    before = BEGINNING
    hashes: set[str] = set()
    for place, row in enumerate(rows, start=1):
        values = tuple(row)[:-1]
        if row["number"] != place:
            broken.append(f"Record {place} is missing.")
            break
        if row["before"] != before:
            broken.append(f"Record {place} does not follow the one before it.")
        if hash_of(values) != row["hash"]:
            broken.append(f"Record {place} was changed after it was written.")
        before = str(row["hash"])
        hashes.add(before)
    lost = [seal for seal in kept if seal not in hashes]
    broken += [f"The record with hash {seal[:16]} is no longer there." for seal in lost]
    return Verified(len(rows), before, tuple(broken))


def hash_of(values: Sequence[Any]) -> str:
    """SHA-256 over a record's values as canonical JSON, in hexadecimal."""
    text = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _record(row: sqlite3.Row) -> Record:
    try:
        content = json.loads(row["content"])
    except ValueError:
        content = {}
    return Record(**{**dict(row), "content": content if isinstance(content, dict) else {}})
