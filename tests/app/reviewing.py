"""A review queue in the app's workspace: real pictures, a model whose answers are made up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.review.making import make_model
from workbench.cohort.cohort import Cohort
from workbench.config import Settings
from workbench.review.queue import Queue, make_queue
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace

CLASSES = ["clear", "lesion"]


def make_review(workspace: Workspace, count: int = 4, *, blind: bool = True) -> Queue:
    """A classifier ``reader`` and a queue ``batch`` of its test cases; its answer is always ``lesion``."""
    model = make_model(workspace, classes=CLASSES)
    cohort = Cohort.open(workspace.cohort_dir("chest"))
    labels = cohort.labels()
    ids = cohort.test(labels)
    rows = cohort.manifest.set_index("scan_id").loc[ids]
    lesion = np.linspace(0.55, 0.95, len(ids))
    table = pd.DataFrame(
        {
            "scan_id": ids, "patient_key": rows["patient_key"].to_numpy(), "reserved": True,
            "label": [CLASSES[k] for k in labels.targets(ids)], "clear": 1 - lesion, "lesion": lesion,
        }
    )  # fmt: skip
    table.melt(["scan_id", "patient_key", "label"], CLASSES, "class", "probability").to_parquet(
        model.folder / "predictions.parquet"
    )
    run = RunFolder.create(workspace, "review", Settings(), "batch", quiet=True)
    with run:
        return make_queue(
            workspace, run.path, model, table, who="A", cohort="chest", labels="v1", count=count, blind=blind
        )
