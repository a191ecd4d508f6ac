"""A cohort, a classifier and its predictions by hand, for tests of review and release."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from tests.app.fabricated import make_run
from tests.cohort.making import small_cohort
from workbench.cohort.labels import Labels
from workbench.review.queue import Queue, make_queue
from workbench.review.reading import first_read, verdict
from workbench.review.reviewed_model import ReviewedModel, find_model
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace

CLASSES = ["no", "yes"]


def make_cohort(workspace: Workspace, patients: int = 40) -> Any:
    """A cohort ``chest`` whose scans are labelled yes for every third patient."""
    cohort = small_cohort(workspace.cohort_dir("chest"), patients)
    scans = cohort.manifest["scan_id"]
    labels = pd.DataFrame({"scan_id": scans, "label": ["yes" if int(scan[1:4]) % 3 == 0 else "no" for scan in scans]})
    Labels("v1", "binary", CLASSES, labels, labels[["scan_id"]], "path", {"rows": len(labels)}).write(cohort.folder)
    return cohort


def make_model(workspace: Workspace, name: str = "reader", **facts: Any) -> ReviewedModel:
    """A classifier's run folder with facts and metrics, without real weights."""
    run = make_run(workspace, "finetune", name, {"cohort": "chest", "encoder": "overnight"})
    described = {
        "run_id": name, "cohort": "chest", "cohort_version": "c0ffee", "labels": "v1", "method": "probe",
        "source": "overnight", "budget_scans": 55, "classes": CLASSES, "task": "binary", "unit": "scan", "pool": "",
        "settings_digest": "5e77", "store_digest": "570e", "store_settings": {"size": 32, "channels": 1},
        "encoder": {"architecture": "resnet18", "size": 32, "in_channels": 1}, "weights_sha256": "ab" * 32, **facts,
        "source_facts": {"method": "simclr", "run_id": "overnight", "cohort": "chest", "pool_scans": 60,
                         "pool_digest": "9001", "cohort_version": "c0ffee"},
    }  # fmt: skip
    (run.path / "classifier.json").write_text(json.dumps(described))
    metric = {"value": 0.81, "low": 0.7, "high": 0.9, "n": 25, "n_patients": 14, "note": ""}
    (run.path / "metrics.json").write_text(json.dumps({"auc": metric, "sensitivity": {**metric, "value": 0.6}}))
    result = {"n_patients": 30, "n_scans": 55, "test_patients": 14, "test_scans": 25}
    (run.path / "result.json").write_text(json.dumps(result))
    return find_model(name, workspace)


def audit_of(run: str) -> dict[str, Any]:
    """The parts of an ``audit.json`` that the card and the gate read."""
    sex = {"name": "sex", "verdict": {"short": "none", "sentence": "No clear difference by sex."}}
    source = {"kind": "finetune", "run_id": run}
    return {"source": source, "verdict": "Nothing was found.", "attributes": [sex], "warnings": ["Few patients."]}


def scores(cohort: Any, seed: int = 0) -> pd.DataFrame:
    """Probabilities of every scan, better than chance, with labels."""
    rng = np.random.default_rng(seed)
    labels, table = cohort.labels("v1"), cohort.manifest
    truth = labels.targets(table["scan_id"].to_numpy())
    yes = 1 / (1 + np.exp(-(1.5 * (2 * truth - 1) + rng.normal(0, 1.5, len(table)))))
    return pd.DataFrame(
        {
            "scan_id": table["scan_id"], "patient_key": table["patient_key"],
            "reserved": cohort.split().is_test(table["scan_id"].tolist()),
            "label": [CLASSES[k] for k in truth], "no": 1 - yes, "yes": yes,
        }
    )  # fmt: skip


def open_one(workspace: Workspace, model: ReviewedModel, cohort: Any, count: int = 10, **more: Any) -> Queue:
    """A queue of some cases."""
    run = RunFolder.create(workspace, "review", _settings(), "batch", quiet=True)
    with run:
        return make_queue(
            workspace,
            run.path,
            model,
            scores(cohort),
            who="Dr Lee",
            cohort="chest",
            labels="v1",
            count=count,
            **more,
        )


def read_all(workspace: Workspace, queue: Queue, who: str = "Dr Lee") -> None:
    """A reader answers every case with its label."""
    for case in queue.cases.itertuples():
        first_read(workspace, queue, str(case.scan_id), str(case.label), who=who, seconds=9)
        verdict(workspace, queue, str(case.scan_id), str(case.label), who=who)


def _settings() -> Any:
    from workbench.config import Settings

    return Settings()
