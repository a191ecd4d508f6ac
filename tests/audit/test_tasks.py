"""Several classes, several findings, and answers per patient: the whole audit without pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.study.making import make_cohort, make_features, settings_of
from workbench.audit.findings import audit
from workbench.audit.results import summarise
from workbench.audit.settings import AuditSettings
from workbench.audit.study_source import read_study
from workbench.config import load_settings
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.study.settings import StudySettings
from workbench.verbs.study import study


@pytest.mark.parametrize(
    ("task", "classes", "positive", "sets"),
    [
        ("multilabel", ("a", "b", "c"), ["b"], ["no b", "b"]),
        ("multiclass", ("x", "normal", "z"), ["x", "z"], ["x", "normal", "z"]),
    ],
)
def test_any_task_becomes_one_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, classes: tuple[str, ...], positive, sets
) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")
    workspace = Workspace(tmp_path)
    cohort, target = make_cohort(workspace, patients=120, classes=classes, shares=(0.3, 0.4, 0.3), task=task)
    features = make_features(tmp_path / "f.npz", cohort, target, 1.5)
    values = settings_of({"a": features}, budgets=[15, "all"], draws=3, unit="patient")
    result = study(load_settings(StudySettings, values=values), workspace=workspace)
    settings = AuditSettings(source="s", replicates=100, review=5)
    run = RunFolder.create(workspace, "audit", settings, "a", quiet=True)
    found = audit(read_study(Path(result.path), workspace, run), settings, run)
    summary = summarise(found)
    assert summary["question"]["positive"] == positive
    assert summary["test"]["units"] == summary["test"]["patients"]
    truth = found.material.subjects.truth
    assert summary["test"]["positive_patients"] == int(truth.sum())
    targets = found.material.subjects.targets
    places = [classes.index(name) for name in positive]
    expected = targets[:, places[0]] if task == "multilabel" else np.isin(targets, places)
    assert truth.tolist() == expected.astype(int).tolist()
    assert summary["everyone"]["points"][-1]["auc"]["value"] > 0.7
    assert [each["class"] for each in summary["referral"]["by_budget"][-1]["classes"]] == sets
    assert summary["verdict"] == "No attribute is recorded by which to tell for whom it works: nothing can be said."
    assert summary["cases"]["count"] == 5
