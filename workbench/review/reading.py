"""Reading cases: a first answer without the model's, then the model's answer, then the verdict.

Order is held here and not by a page: nobody gets the model's answer from ``model_answer`` before their own first
answer is in the chain, and a first answer cannot be given twice. What the first and the final answer have in common
tells how far readers lean on the model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from workbench.cohort.identifying import looks_identifying
from workbench.errors import InputError
from workbench.review.queue import Queue
from workbench.review.record_chain import Record, append_to, records, records_of
from workbench.runs.database import connect
from workbench.runs.workspace import Workspace

CLAIM_S = 600.0
"""How long a case stays with the reader who opened it."""


@dataclass(frozen=True)
class ModelAnswer:
    """What the model said about a case.

    Attributes:
        answer: Its answer.
        probability: Of that answer.
        probabilities: Of every option.
        label: The label at hand, or empty.
        stratum: Why the case is in the queue.
    """

    answer: str
    probability: float
    probabilities: dict[str, float]
    label: str
    stratum: str


def first_read(
    workspace: Workspace, queue: Queue, scan_id: str, answer: str, *, who: str, seconds: float = 0.0
) -> Record:
    """Record a reader's first answer; the same answer again is the same record.

    Args:
        workspace: Its chain.
        queue: The queue.
        scan_id: The case.
        answer: One of ``queue.answers``.
        who: The reader.
        seconds: How long they looked.

    Raises:
        InputError: The case or answer is unknown, or the reader gave another first answer before.
    """
    queue.case(scan_id)
    _check_answer(queue, answer)
    with connect(workspace) as database:
        mine = _of(records_of(database, kind="first read", subject=queue.model), queue, scan_id, who)
        if mine:
            if mine[0].content["answer"] == answer:
                return mine[0]
            raise InputError(
                "Your first answer for this case is recorded already, and stays as it is.",
                where=f"case {scan_id[:12]}, first answer '{mine[0].content['answer']}'",
                todo="Give your final answer in the verdict.",
            )
        content = {"queue": queue.name, "scan_id": scan_id, "answer": answer, "seconds": round(float(seconds), 1)}
        return append_to(database, "first read", queue.model, content, who=who)


def model_answer(workspace: Workspace, queue: Queue, scan_id: str, *, who: str) -> ModelAnswer:
    """What the model said, for a reader who has answered (any reader, where the queue is not blind).

    Raises:
        InputError: The reader has not answered yet, or the case is unknown.
    """
    case = queue.case(scan_id)
    if queue.blind and not _of(records(workspace, kind="first read", subject=queue.model), queue, scan_id, who):
        raise InputError(
            "The model's answer is shown after your own.",
            where=f"case {scan_id[:12]}",
            todo="Look at the case and answer first.",
        )
    each = {option: float(case[f"p:{option}"]) for option in queue.options}
    return ModelAnswer(case["answer"], float(case["probability"]), each, case["label"], case["stratum"])


def verdict(workspace: Workspace, queue: Queue, scan_id: str, final: str, *, who: str, note: str = "") -> Record:
    """Record a reader's final answer, beside the first one and the model's. A later verdict corrects, and adds a row.

    Args:
        workspace: Its chain.
        queue: The queue.
        scan_id: The case.
        final: One of ``queue.answers``.
        who: The reader.
        note: A few words; no name, number or date of a patient.

    Raises:
        InputError: There is no first answer by this reader, the answer is unknown, or the note seems to name a patient.
    """
    case = queue.case(scan_id)
    _check_answer(queue, final)
    if looks_identifying(note):
        raise InputError(
            "The note seems to hold a date, a number of a person or a name in DICOM's form.",
            todo="Say it without naming a patient.",
        )
    with connect(workspace) as database:
        there = records_of(database, kind=("first read", "verdict"), subject=queue.model)
        mine = _of(there, queue, scan_id, who)
        first = [record for record in mine if record.kind == "first read"]
        if not first:
            raise InputError(
                "A verdict comes after a first answer.", where=f"case {scan_id[:12]}", todo="Answer the case first."
            )
        last = [record for record in mine if record.kind == "verdict"][-1:]
        if last and (last[0].content["final"], last[0].content["note"]) == (final, note):
            return last[0]
        answer = first[0].content["answer"]
        content = {
            "queue": queue.name, "scan_id": scan_id, "first": answer, "model": case["answer"], "final": final,
            "changed": final != answer, "agrees": final == case["answer"], "note": note, "corrects": bool(last),
        }  # fmt: skip
        return append_to(database, "verdict", queue.model, content, who=who)


def reads(workspace: Workspace, queue: Queue) -> list[Record]:
    """The first answers of a queue, oldest first."""
    found = records(workspace, kind="first read", subject=queue.model)
    return [record for record in found if record.content["queue"] == queue.name]


def verdicts(workspace: Workspace, queue: Queue) -> list[Record]:
    """The verdicts that stand, in the order of the cases: per case and reader the latest."""
    found = records(workspace, kind="verdict", subject=queue.model)
    latest = {(r.content["scan_id"], r.who): r for r in found if r.content["queue"] == queue.name}
    place = {scan: number for number, scan in enumerate(queue.cases["scan_id"])}
    return sorted(latest.values(), key=lambda record: (place.get(record.content["scan_id"], -1), record.number))


def waiting(workspace: Workspace, queue: Queue, reader: str = "") -> list[str]:
    """Scan ids without a verdict, in the queue's order: by anybody, or by one reader."""
    done = {r.content["scan_id"] for r in verdicts(workspace, queue) if not reader or r.who == reader}
    return [scan for scan in queue.cases["scan_id"] if scan not in done]


def claim(workspace: Workspace, queue: Queue, scan_id: str, *, who: str, now: float | None = None) -> str:
    """Keep a case for a reader for ten minutes; returns who holds it: the reader, or somebody who came before."""
    moment = time.time() if now is None else now
    with connect(workspace) as database:
        database.execute("DELETE FROM review_claims WHERE until < ?", (moment,))
        row: Any = database.execute(
            "SELECT reader FROM review_claims WHERE queue = ? AND scan_id = ?", (queue.name, scan_id)
        ).fetchone()
        if row is not None and row["reader"] != who:
            return str(row["reader"])
        database.execute(
            "INSERT OR REPLACE INTO review_claims VALUES (?, ?, ?, ?)", (queue.name, scan_id, who, moment + CLAIM_S)
        )
    return who


def _check_answer(queue: Queue, answer: str) -> None:
    if answer not in queue.answers:
        raise InputError(f"'{answer}' is no answer of this queue.", todo=f"Choose one of {', '.join(queue.answers)}.")


def _of(found: list[Record], queue: Queue, scan_id: str, who: str) -> list[Record]:
    person = " ".join(who.split())
    return [
        record
        for record in found
        if record.content.get("queue") == queue.name
        and record.content.get("scan_id") == scan_id
        and record.who == person
    ]
