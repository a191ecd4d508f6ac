"""Verdicts as a table: out as CSV and JSON for the trial's file, in from a CSV that was filled in elsewhere."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from workbench.errors import InputError, OperationFailed
from workbench.review.queue import Queue
from workbench.review.reading import first_read, reads, verdict, verdicts
from workbench.review.record_chain import records
from workbench.runs.status import write_text
from workbench.runs.workspace import Workspace

COLUMNS = (
    "place", "scan_id", "stratum", "reader", "first", "model", "probability", "final", "changed", "seconds", "note",
    "at", "hash",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_table(workspace: Workspace, queue: Queue, file: Path) -> int:
    """Write the verdicts that stand as CSV and, beside it, all records about the queue as JSON.

    Returns:
        How many verdicts.

    Raises:
        OperationFailed: The files cannot be written.
    """
    seconds = {(r.content["scan_id"], r.who): r.content["seconds"] for r in reads(workspace, queue)}
    rows = []
    for record in verdicts(workspace, queue):
        said, case = record.content, queue.case(record.content["scan_id"])
        rows.append(
            [
                case["place"], said["scan_id"], case["stratum"], record.who, said["first"], said["model"],
                f"{case['probability']:.4f}", said["final"], "yes" if said["changed"] else "no",
                seconds.get((said["scan_id"], record.who), ""), said["note"], record.at, record.hash,
            ]
        )  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            writer.writerows([[_safe(cell) for cell in row] for row in rows])
        about = [vars(r) for r in records(workspace, subject=queue.model) if r.content.get("queue") == queue.name]
        write_text(file.with_suffix(".json"), json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OperationFailed(f"The verdicts cannot be written: {error.strerror}.", where=file) from error
    return len(rows)


def blank_table(queue: Queue, file: Path) -> Path:
    """Write a table to fill in elsewhere: the cases with empty answers, and nothing that the model said."""
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["place", "scan_id", "first", "final", "note"])
            writer.writerows([[row.place, row.scan_id, "", "", ""] for row in queue.cases.itertuples()])
    except OSError as error:
        raise OperationFailed(f"The table cannot be written: {error.strerror}.", where=file) from error
    return file


def import_table(workspace: Workspace, queue: Queue, file: Path, *, who: str) -> tuple[int, int]:
    """Record what a reader filled in: columns ``scan_id, first`` and, if wanted, ``final, note``.

    The whole table is looked at before anything is recorded. Rows without ``first`` are left for later; ``final`` is
    taken as ``first`` where it is empty.

    Returns:
        Cases recorded, and rows that were empty.

    Raises:
        InputError: The table cannot be read, lacks a column, or a row does not fit; nothing is then recorded.
    """
    wanted = _read(file)
    filled = [(number, row) for number, row in wanted if row.get("first", "").strip()]
    for number, row in filled:
        queue.case(row["scan_id"].strip())
        for name in ("first", "final"):
            answer = row.get(name, "").strip()
            if answer and answer not in queue.answers:
                raise InputError(
                    f"'{answer}' is no answer of this queue; nothing was recorded.",
                    where=f"row {number}, column {name}",
                    todo=f"Use one of {', '.join(queue.answers)}.",
                )
    for _, row in filled:
        scan, first = row["scan_id"].strip(), row["first"].strip()
        first_read(workspace, queue, scan, first, who=who)
        final, note = row.get("final", "").strip() or first, row.get("note", "").strip()
        verdict(workspace, queue, scan, final, who=who, note=note)
    return len(filled), len(wanted) - len(filled)


def _read(file: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            sample = stream.read(4096)
            stream.seek(0)
            delimiter = ";" if sample.partition("\n")[0].count(";") > sample.partition("\n")[0].count(",") else ","
            rows = list(csv.DictReader(stream, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("The table of answers cannot be read.", where=file, todo="Save it as CSV, UTF-8.") from error
    missing = [name for name in ("scan_id", "first") if rows and name not in rows[0]]
    if not rows or missing:
        raise InputError(
            f"The table of answers lacks the column '{missing[0]}'." if missing else "The table of answers is empty.",
            where=file,
            todo="Fill in the table that 'workbench review QUEUE blank=FILE.csv' writes.",
        )
    return [(n, {str(k): str(v or "") for k, v in row.items()}) for n, row in enumerate(rows, start=2)]


def _safe(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
