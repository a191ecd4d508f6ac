"""Labelling by click: one question about one picture of each patient, answered by one reader or two.

The reserved test patients come first, for without their labels no answer can be tested, and in an order of chance. Of
the others the order may be one that was proposed (``workbench propose``); every case says why it was chosen. Answers
are rows that are only ever added, each with a sequence number of the reader's page, so that a key that was sent twice
counts once; the last row of a reader about a case counts, and an empty answer takes the one before back. Readers do
not see each other. Published, the answers are a version of the cohort's labels.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.cohort.labels import Labels, next_version
from workbench.errors import InputError
from workbench.evaluation.interval import wilson
from workbench.review.agreement import kappa
from workbench.review.queue import BAD_PICTURE, CANNOT_TELL
from workbench.runs.database import connect
from workbench.runs.seeds import mix
from workbench.runs.workspace import Workspace, plain_name

if TYPE_CHECKING:
    from workbench.cohort.cohort import Cohort

UNSAID = (CANNOT_TELL, BAD_PICTURE)
MOST_ANSWERS = 9
TEST = "test patient, by chance"


@dataclass(frozen=True)
class Labelling:
    """A question and its cases.

    Attributes:
        name: Its own.
        cohort: Whose scans they are.
        question: In words.
        answers: The classes, two to nine.
        chosen: How cases were chosen among the development patients.
        cases: One dict per case, in order: ``place, scan_id, patient_key, reserved, reason, readers``.
    """

    name: str
    cohort: str
    question: str
    answers: list[str]
    chosen: str
    cases: list[dict[str, Any]]

    @property
    def options(self) -> list[str]:
        """What a reader may answer: the classes, ``cannot tell`` and ``bad picture``."""
        return [*self.answers, *UNSAID]


@dataclass(frozen=True)
class Answer:
    """What a reader said last about a case."""

    scan_id: str
    reader: str
    answer: str
    note: str
    seconds: float
    at: str


def start_labelling(
    workspace: Workspace,
    cohort: Cohort,
    name: str,
    question: str,
    answers: Sequence[str],
    *,
    who: str,
    test_patients: int,
    patients: int,
    proposed: Sequence[tuple[str, str]] = (),
    second_share: float = 0.0,
    seed: int = 0,
) -> Labelling:
    """Choose cases and open them to readers.

    Args:
        workspace: Its database holds cases and answers.
        cohort: The scans.
        name: Of the labelling.
        question: Such as ``Is there a pneumothorax?``.
        answers: Classes, two to nine.
        who: Who opens it.
        test_patients: Reserved patients to label, first and by chance.
        patients: Other patients to label.
        proposed: ``(scan_id, reason)`` in the order in which to label; chance fills up what is missing.
        second_share: Share of the cases that a second reader answers, too.
        seed: Of the order.

    Raises:
        InputError: The name is taken, the answers make no sense, or there is nobody to label.
    """
    name = plain_name(name, "name of the labelling")
    answers = [answer.strip() for answer in answers if answer.strip()]
    if not question.strip():
        raise InputError("Labelling needs a question.", todo="Such as: Is there a pneumothorax?")
    if not 2 <= len(set(answers)) == len(answers) <= MOST_ANSWERS or set(answers) & set(UNSAID):
        raise InputError(
            f"A question has two to {MOST_ANSWERS} different answers; 'cannot tell' and 'bad picture' are added.",
            where=", ".join(answers),
        )
    if not 0 <= second_share <= 1:
        raise InputError("The share for a second reader lies between 0 and 1.", where=f"{second_share}")
    cases = _choose(cohort, test_patients, patients, proposed, seed)
    if not cases:
        raise InputError("There is nobody to label.", where=cohort.name, todo="Ask for one patient or more.")
    rng = np.random.default_rng(mix("second reader", name, seed))
    twice = set(rng.permutation(len(cases))[: round(second_share * len(cases))].tolist())
    chosen = "proposed" if proposed else "by chance"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with connect(workspace) as database:
            database.execute(
                "INSERT INTO labellings VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, cohort.name, question.strip(), json.dumps(answers), chosen, who, now),
            )
            database.executemany(
                "INSERT INTO labelling_cases VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (name, place, scan, patient, int(reserved), reason, 1 + (place - 1 in twice))
                    for place, (scan, patient, reserved, reason) in enumerate(cases, start=1)
                ],
            )
    except sqlite3.IntegrityError as error:
        raise InputError(f"There is a labelling '{name}' already.", todo="Choose another name.") from error
    return open_labelling(workspace, name)


def labellings(workspace: Workspace, cohort: str = "") -> list[str]:
    """Names of the labellings, the latest last; of one cohort or of all."""
    with connect(workspace) as database:
        rows = database.execute("SELECT name, cohort FROM labellings ORDER BY at, rowid").fetchall()
    return [row["name"] for row in rows if cohort in ("", row["cohort"])]


def open_labelling(workspace: Workspace, name: str) -> Labelling:
    """A labelling by its name.

    Raises:
        InputError: There is none.
    """
    with connect(workspace) as database:
        found = database.execute("SELECT * FROM labellings WHERE name = ?", (name,)).fetchone()
        rows = database.execute("SELECT * FROM labelling_cases WHERE labelling = ? ORDER BY place", (name,)).fetchall()
    if found is None:
        raise InputError(f"There is no labelling '{name}'.", todo="Start one on the page Labels.")
    cases = [{**dict(row), "reserved": bool(row["reserved"])} for row in rows]
    return Labelling(
        name, found["cohort"], found["question"], json.loads(found["answers"]), found["chosen"], cases
    )  # fmt: skip


def say(
    workspace: Workspace,
    labelling: Labelling,
    scan_id: str,
    answer: str,
    *,
    reader: str,
    sequence: str,
    note: str = "",
    seconds: float = 0.0,
    view: str = "",
) -> bool:
    """Keep an answer; an empty one takes back what the reader said before.

    Args:
        workspace: Its database.
        labelling: The question.
        scan_id: The case.
        answer: One of ``options``, or empty.
        reader: Who answers.
        sequence: Names this act: sent twice, it counts once.
        note: In the reader's words.
        seconds: How long it took.
        view: Frame and window at the time, as text.

    Returns:
        Whether it was new; False for a sequence that was seen.

    Raises:
        InputError: No such case or answer.
    """
    if answer not in ("", *labelling.options):
        raise InputError(f"'{answer}' is no answer to '{labelling.question}'.", todo=", ".join(labelling.options))
    if all(case["scan_id"] != scan_id for case in labelling.cases):
        raise InputError(f"The scan {scan_id[:24]} is not in '{labelling.name}'.")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    row = (labelling.name, scan_id, reader, answer, note, float(seconds), view, sequence, now)
    try:
        with connect(workspace) as database:
            database.execute(
                "INSERT INTO labelling_answers (labelling, scan_id, reader, answer, note, seconds, view, sequence, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
    except sqlite3.IntegrityError:
        return False
    return True


def standing(workspace: Workspace, labelling: Labelling) -> list[Answer]:
    """Every reader's last answer to each case, in the order in which they were given; what was taken back is gone."""
    with connect(workspace) as database:
        rows = database.execute(
            "SELECT * FROM labelling_answers WHERE labelling = ? ORDER BY number", (labelling.name,)
        ).fetchall()
    last: dict[tuple[str, str], Any] = {}
    for row in rows:
        last.pop((row["reader"], row["scan_id"]), None)
        last[row["reader"], row["scan_id"]] = row
    return [
        Answer(row["scan_id"], row["reader"], row["answer"], row["note"], row["seconds"], row["at"])
        for row in last.values()
        if row["answer"]
    ]


def cases_for(labelling: Labelling, said: Sequence[Answer], reader: str) -> list[dict[str, Any]]:
    """The cases that wait for a reader, in order: not answered by them, and not by as many others as are wanted."""
    by_case: defaultdict[str, set[str]] = defaultdict(set)
    for answer in said:
        by_case[answer.scan_id].add(answer.reader)
    return [
        case
        for case in labelling.cases
        if reader not in by_case[case["scan_id"]] and len(by_case[case["scan_id"]]) < case["readers"]
    ]


def progress(labelling: Labelling, said: Sequence[Answer]) -> dict[str, Any]:
    """How far it is.

    Returns:
        ``cases, done`` (answered by as many readers as are wanted), ``test_cases, test_done``, ``readers`` (answers of
        each), ``median_seconds``, ``twice`` (cases with two readers), ``agree``, ``agree_low, agree_high`` (Wilson's
        95 % interval of the share), ``kappa``, and ``disputed``: scan ids of cases whose readers differ.
    """
    by_case: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in said:
        by_case[answer.scan_id].append(answer)
    done = {case["scan_id"] for case in labelling.cases if len(by_case[case["scan_id"]]) >= case["readers"]}
    pairs = [(found[0].answer, found[1].answer) for found in by_case.values() if len(found) > 1]
    agree = sum(a == b for a, b in pairs)
    low, high = wilson(agree / len(pairs), len(pairs)) if pairs else (None, None)
    readers: defaultdict[str, int] = defaultdict(int)
    for answer in said:
        readers[answer.reader] += 1
    test = {case["scan_id"] for case in labelling.cases if case["reserved"]}
    return {
        "cases": len(labelling.cases),
        "done": len(done),
        "test_cases": len(test),
        "test_done": len(test & done),
        "readers": dict(readers),
        "median_seconds": float(np.median([a.seconds for a in said])) if said else None,
        "twice": len(pairs),
        "agree": agree,
        "agree_low": low,
        "agree_high": high,
        "kappa": kappa([a for a, _ in pairs], [b for _, b in pairs]),
        "disputed": [scan for scan, found in by_case.items() if found and _settled(found) is None],
    }


def publish(workspace: Workspace, cohort: Cohort, labelling: Labelling) -> Labels:
    """Make the answers a new version of the cohort's labels.

    Cases whose readers differ wait for a third; ``cannot tell`` and ``bad picture`` are no labels. The further columns
    ``chosen`` (why the case was) and ``readers`` (how many) stay with the labels.

    Raises:
        InputError: Fewer than two of the answers were given.
    """
    import pandas as pd

    by_case: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in standing(workspace, labelling):
        by_case[answer.scan_id].append(answer)
    rows, left = [], {"disputed": 0, CANNOT_TELL: 0, BAD_PICTURE: 0}
    for case in labelling.cases:
        found = by_case[case["scan_id"]]
        if not found:
            continue
        settled = _settled(found)
        if settled is None or settled in UNSAID:
            left[settled or "disputed"] += 1
            continue
        rows.append((case["scan_id"], settled, case["reason"], str(len(found))))
    table = pd.DataFrame(rows, columns=["scan_id", "label", "chosen", "readers"])
    classes = [answer for answer in labelling.answers if answer in set(table["label"])]
    if len(classes) < 2:
        raise InputError(
            "Labels need two different answers at least.",
            where=f"{labelling.name}: {len(table)} labelled, all '{classes[0]}'" if classes else labelling.name,
            todo="Label more cases first.",
        )
    report = {
        "labelling": labelling.name,
        "question": labelling.question,
        "scans_labelled": len(table),
        "left_out": left,
        "readers": sorted({answer.reader for found in by_case.values() for answer in found}),
    }
    labels = Labels(
        next_version(cohort.folder),
        "binary" if len(classes) == 2 else "multiclass",
        classes,
        table[["scan_id", "label"]],
        table[["scan_id", "chosen", "readers"]],
        "sop",
        report,
    )
    labels.write(cohort.folder)
    return labels


def _settled(found: Sequence[Answer]) -> str | None:
    """The answer of all readers, or of most of three or more; None where they differ."""
    counts: defaultdict[str, int] = defaultdict(int)
    for answer in found:
        counts[answer.answer] += 1
    best, most = max(counts.items(), key=lambda item: item[1])
    return best if 2 * most > len(found) else None


def _choose(
    cohort: Cohort, test_patients: int, patients: int, proposed: Sequence[tuple[str, str]], seed: int
) -> list[tuple[str, str, bool, str]]:
    """``(scan_id, patient_key, reserved, reason)``: test patients by chance, then the proposed, then chance."""
    table = cohort.manifest.loc[cohort.usable()]
    reserved = cohort.split().is_test(table["scan_id"].to_numpy())
    rng = np.random.default_rng(mix("labelling", seed))
    order = rng.permutation(len(table))
    scans, owners = table["scan_id"].to_numpy()[order], table["patient_key"].to_numpy()[order]
    reserved = np.asarray(reserved)[order]
    owner_of = dict(zip(scans, owners, strict=True))
    taken: set[str] = set()

    def take(pairs: Sequence[tuple[str, str]], test: bool, most: int) -> list[tuple[str, str, bool, str]]:
        rows: list[tuple[str, str, bool, str]] = []
        for scan, reason in pairs:
            if len(rows) >= most:
                break
            owner = owner_of.get(scan)
            if owner is not None and owner not in taken:
                taken.add(owner)
                rows.append((str(scan), str(owner), test, reason))
        return rows

    cases = take([(scan, TEST) for scan in scans[reserved]], True, test_patients)
    free = set(scans[~reserved])
    found = take([(scan, reason) for scan, reason in proposed if scan in free], False, patients)
    rest = take([(scan, "by chance") for scan in scans[~reserved]], False, patients - len(found))
    return [*cases, *found, *rest]
