from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.review.making import CLASSES, make_cohort, make_model, open_one
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.review.corrected_labels import correct_labels
from workbench.review.queue import make_queue
from workbench.review.reading import first_read, verdict
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace


def other(answer: str) -> str:
    return "yes" if answer == "no" else "no"


def test_test_patients_are_changed_by_blind_reads_of_chance_cases_only(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    cohort = make_cohort(workspace, 60)
    queue = open_one(workspace, make_model(workspace), cohort, 40, audit_share=0.4)
    for case in queue.cases.itertuples():  # the first answer flips the label, the final one goes back to it
        first_read(workspace, queue, case.scan_id, other(case.label), who="A")
        verdict(workspace, queue, case.scan_id, case.label, who="A")
    found = correct_labels(workspace, cohort, queue)
    reserved, chance = queue.cases["reserved"], queue.cases["stratum"] == "random"
    assert found.counts == {
        "kept_test": int((reserved & ~chance).sum()),
        "changed": int((reserved & chance).sum()),
        "confirmed": int((~reserved).sum()),
    }
    assert min(found.counts.values()) > 0
    before, after = (cohort.labels(name).table.set_index("scan_id")["label"] for name in ("v1", "v2"))
    differ = set(before.index[before != after.reindex(before.index)])
    assert differ == set(queue.cases.loc[reserved & chance, "scan_id"])
    assert sum(found.test_before.values()) == sum(found.test_after.values())
    marks = found.labels.attributes.set_index("scan_id")["reviewed"]
    assert marks[queue.cases.loc[~reserved & ~chance, "scan_id"]].eq("chosen").all()
    assert marks[queue.cases.loc[reserved & ~chance, "scan_id"]].isna().all()
    assert found.labels.report["readers"] == ["A"] and found.labels.report["reviewed_from"] == "v1"


def test_new_removed_and_disputed_cases_are_counted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    cohort = make_cohort(workspace, 40)
    first = cohort.labels("v1").table
    few = first[first["scan_id"].str[1:4].astype(int) < 20].reset_index(drop=True)
    Labels("v2", "binary", CLASSES, few, few[["scan_id"]], "path").write(cohort.folder)
    run = RunFolder.create(workspace, "review", _settings(), "batch", quiet=True)
    from tests.review.making import scores

    table = scores(cohort)
    table = table[~table["reserved"]]
    queue = make_queue(workspace, run.path, make_model(workspace), table, who="A", cohort="chest", labels="v2", count=8)
    ids = list(queue.cases["scan_id"])
    known = [scan for scan in ids if int(scan[1:4]) < 20]
    new = [scan for scan in ids if int(scan[1:4]) >= 20]
    assert len(known) > 1 and len(new) > 1
    for scan in ids:
        first_read(workspace, queue, scan, "yes", who="A")
        verdict(workspace, queue, scan, "cannot tell" if scan == known[0] else "yes", who="A")
    first_read(workspace, queue, new[0], "no", who="B")
    verdict(workspace, queue, new[0], "no", who="B")
    found = correct_labels(workspace, cohort, queue, version="reviewed")
    assert found.labels.version == "reviewed"
    assert (found.counts["removed"], found.counts["disputed"], found.counts["added"]) == (1, 1, len(new) - 1)
    kept = set(found.labels.table["scan_id"])
    assert known[0] not in kept and new[0] not in kept and new[1] in kept


def test_several_findings_are_reviewed_one_at_a_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    cohort = make_cohort(workspace, 40)
    ids = cohort.manifest["scan_id"]
    table = pd.DataFrame({"scan_id": ids, "a": 1.0, "b": 0.0})
    table.loc[3:, "a"] = 0.0
    Labels("v2", "multilabel", ["a", "b"], table, table[["scan_id"]], "path").write(cohort.folder)
    model = make_model(workspace, classes=["a", "b"], task="multilabel")
    rows = pd.DataFrame(
        {
            "scan_id": ids,
            "patient_key": cohort.manifest["patient_key"],
            "reserved": False,
            "label": "",
            "a": 0.3,
            "b": 0.6,
        }
    )
    run = RunFolder.create(workspace, "review", _settings(), "batch", quiet=True)
    with pytest.raises(InputError, match="several findings.*finding=NAME, of a, b"):
        make_queue(workspace, run.path, model, rows, who="A", cohort="chest")
    queue = make_queue(workspace, run.path, model, rows, who="A", cohort="chest", labels="v2", finding="b", count=5)
    assert queue.options == ["absent", "present"] and set(queue.cases["answer"]) == {"present"}
    for scan in queue.cases["scan_id"]:
        first_read(workspace, queue, scan, "present", who="A")
        verdict(workspace, queue, scan, "present", who="A")
    found = correct_labels(workspace, cohort, queue)
    assert found.counts == {"changed": 5}
    assert found.labels.table["b"].sum() == 5 and found.labels.table["a"].sum() == table["a"].sum()


def test_nothing_read_and_other_classes_are_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    cohort = make_cohort(workspace)
    queue = open_one(workspace, make_model(workspace), cohort)
    with pytest.raises(InputError, match="No case of 'batch' has a verdict yet"):
        correct_labels(workspace, cohort, queue)


def _settings():
    from workbench.config import Settings

    return Settings()
