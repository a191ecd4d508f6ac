"""Verdicts become a new version of a cohort's labels, from which the next training or study can learn.

Two rules keep the test honest. The label of a reserved test patient is never changed because the model disagreed with
it: only blind first answers about cases drawn by chance count there. And labels that were chosen for a model's doubts
are marked, so that a learning curve can leave them out: the further column ``reviewed`` says ``by chance`` or
``chosen``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.cohort.labels import Labels, next_version
from workbench.errors import InputError
from workbench.review.agreement import UNSAID
from workbench.review.queue import PRESENT, Queue
from workbench.review.reading import verdicts
from workbench.runs.workspace import Workspace, plain_name

if TYPE_CHECKING:
    from workbench.cohort.cohort import Cohort

COLUMN = "reviewed"


@dataclass(frozen=True)
class Corrected:
    """What became of the verdicts.

    Attributes:
        labels: The published labels.
        counts: ``added``, ``changed``, ``confirmed``, ``removed`` (readers could not tell), and left as they were:
            ``kept_test`` (reserved patients, not by chance), ``disputed`` (readers differ).
        test_before, test_after: Scans per class among the reserved patients, before and after.
    """

    labels: Labels
    counts: dict[str, int]
    test_before: dict[str, int]
    test_after: dict[str, int]


def correct_labels(workspace: Workspace, cohort: Cohort, queue: Queue, *, version: str = "") -> Corrected:
    """Publish the labels that the queue was made with, corrected by its verdicts, as a new version.

    Args:
        workspace: Its chain holds the verdicts.
        cohort: The queue's cohort.
        queue: The queue.
        version: A name of one's own; the next of ``v1, v2, ...`` when empty.

    Raises:
        InputError: No case has a verdict, the cohort has no labels, or the model's answers are not its classes.
    """
    import pandas as pd

    rows = verdicts(workspace, queue)
    if not rows:
        raise InputError(f"No case of '{queue.name}' has a verdict yet.", todo="Read some cases first.")
    before = cohort.labels(queue.labels or None)
    several = before.task == "multilabel"
    if several != bool(queue.finding) or not set([queue.finding] if several else queue.options) <= set(before.classes):
        raise InputError(
            f"The answers of the queue '{queue.name}' are not the classes of labels {before.version}.",
            where=f"{', '.join(before.classes)}",
            todo="Review a model that was taught with these labels.",
        )
    final, counts = _decided(queue, rows)
    column = queue.finding if several else "label"
    table = before.table.set_index("scan_id")
    before_of = table[column].dropna().to_dict()
    for scan, answer in final.items():
        value: Any = answer
        if several and answer is not None:
            value = 1.0 if answer == PRESENT else 0.0
        known = scan in before_of
        if answer is None:
            counts["removed"] += bool(known)
            if several and known:
                table.loc[scan, column] = float("nan")
            elif known:
                table = table.drop(index=scan)
            continue
        counts["added" if not known else "confirmed" if before_of[scan] == value else "changed"] += 1
        table.loc[scan, column] = value
    chance = dict(zip(queue.cases["scan_id"], queue.cases["stratum"] == "random", strict=True))
    attributes = before.attributes.set_index("scan_id").reindex(table.index)
    marks = {scan: "by chance" if chance[scan] else "chosen" for scan in final}
    earlier = attributes[COLUMN] if COLUMN in attributes else pd.Series(index=attributes.index, dtype=object)
    attributes[COLUMN] = [marks.get(scan, was) for scan, was in zip(attributes.index, earlier, strict=True)]
    named = plain_name(version, "label version") if version else next_version(cohort.folder)
    report = {
        **before.report, "scans_labelled": len(table), "reviewed_from": before.version, "review_queue": queue.name,
        "review_counts": dict(counts), "readers": sorted({record.who for record in rows}),
        "review_verdicts": [record.hash for record in rows],
    }  # fmt: skip
    labels = Labels(
        named, before.task, before.classes, table.reset_index(), attributes.reset_index(), before.unit, report
    )
    if not several and set(labels.table["label"]) != set(before.classes):
        raise InputError("After the review a class has no scan left, so these verdicts make no labels.")
    labels.write(cohort.folder)
    test = set(cohort.test(before)) | set(cohort.test(labels))
    return Corrected(labels, dict(counts), before.counts(list(test)), labels.counts(list(test)))


def _decided(queue: Queue, rows: list[Any]) -> tuple[dict[str, str | None], defaultdict[str, int]]:
    """The answer that counts for each case; None where nobody could tell."""
    counts: defaultdict[str, int] = defaultdict(int)
    by_case: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in rows:
        by_case[record.content["scan_id"]].append(record.content)
    cases = queue.cases.set_index("scan_id")
    final: dict[str, str | None] = {}
    for scan, said in by_case.items():
        reserved = bool(cases.at[scan, "reserved"])
        if reserved and (cases.at[scan, "stratum"] != "random" or not queue.blind):
            counts["kept_test"] += 1
            continue
        answers = {one["first" if reserved else "final"] for one in said}
        if len(answers) > 1:
            counts["disputed"] += 1
            continue
        (answer,) = answers
        final[scan] = None if answer in UNSAID else answer
    return final, counts
