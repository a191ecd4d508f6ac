from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.audit.conftest import hospital  # noqa: F401 - the cohort and study that the tests of the audit share
from workbench.audit.settings import AuditSettings
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.folder import RunFolder
from workbench.runs.status import write_json
from workbench.verbs import VERBS
from workbench.verbs.audit import AuditResult, audit


@pytest.fixture
def call(hospital: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(hospital.workspace.root / "site.key"))
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")

    def one(**values) -> AuditResult:
        small = {"source": "s", "replicates": 100, "balanced": False, "review": 0, "attributes": ["sex"]}
        return audit(load_settings(AuditSettings, values={**small, **values}), workspace=hospital.workspace)

    return one


def test_the_table_of_verbs_finds_it() -> None:
    assert VERBS["audit"].load() == (AuditSettings, audit)
    assert VERBS["audit"].positionals == ("source",)


def test_a_study_is_audited(call) -> None:
    result = call(name="one", budget="30")
    assert (result.run_id, result.arm, result.protocol, result.budget) == ("one", "seeing", "probe", "30")
    folder = Path(result.path)
    assert {file.name for file in folder.iterdir()} >= {
        "audit.json",
        "audit.html",
        "figures",
        "tables",
        "settings.yaml",
    }
    assert not (folder / "cells").exists() and not (folder / "labels_to_check.csv").exists()
    assert RunFolder.open(folder).status().state == "finished"
    assert result.summary().startswith(result.verdict) and f"Report: {result.report}" in result.summary()
    assert set(result.attributes) == {"sex"} == set(result.shortcuts)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"source": "nothing"}, "no run 'nothing'"),
        ({"budget": "77"}, "no budget '77'.*8, 30, 80, all"),
        ({"attributes": ["colour"]}, "no attribute 'colour'"),
        ({"positive": "sick,well"}, "no yes/no question"),
        ({"act_from": 0.5, "act_to": 0.1}, "act_from must be below act_to"),
    ],
)
def test_what_does_not_fit_is_said(call, values, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call(**values)


def test_a_run_of_another_kind_cannot_be_audited(hospital: SimpleNamespace, call) -> None:  # noqa: F811
    run = RunFolder.create(hospital.workspace, "pretrain", AuditSettings(source="x"), "p", quiet=True)
    with pytest.raises(InputError, match="kind 'pretrain' cannot be audited"):
        call(source=str(run.path))


def predictions(hospital: SimpleNamespace, scans: np.ndarray) -> pd.DataFrame:  # noqa: F811
    labels = hospital.cohort.labels("v1")
    sick = labels.targets(scans) == 1
    p = 1 / (1 + np.exp(-(np.random.default_rng(0).standard_normal(len(scans)) + 1.5 * sick - 0.75)))
    return pd.DataFrame({"scan_id": scans, "well": 1 - p, "sick": p})


def test_a_prediction_run_is_audited_on_reserved_labelled_scans(hospital: SimpleNamespace, call) -> None:  # noqa: F811
    labels = hospital.cohort.labels("v1")
    test, dev = hospital.cohort.test(labels), hospital.cohort.development(labels)
    folder = hospital.workspace.runs_dir / "predict" / "q"
    folder.mkdir(parents=True)
    (folder / "settings.yaml").write_text("model: m\ncohort: c\nunit: scan\n")
    write_json(folder / "status.json", {"state": "finished"})
    predictions(hospital, np.concatenate([test, dev])).to_parquet(folder / "predictions.parquet", index=False)
    result = call(source="q", cross=["sex*view"])
    assert (result.arm, result.protocol) == ("model", "predict")
    summary = pd.read_json(Path(result.path) / "audit.json", typ="series")
    assert summary["test"]["units"] == len(test)
    assert any("each half of the test patients" in words for words in summary["warnings"])
    line = summary["operating_point"]["by_budget"][0]
    assert not line["transferred"] and line["specificity"]["value"] == pytest.approx(0.9, abs=0.05)
    assert summary["referral"]["by_budget"] == []
    assert set(result.attributes) == {"sex", "sex*view"}
    with pytest.raises(InputError, match="Only a study has arms"):
        call(source="q", arm="a")


def test_predictions_that_cannot_be_audited_are_told_why(hospital: SimpleNamespace, call) -> None:  # noqa: F811
    folder = hospital.workspace.runs_dir / "predict" / "bad"
    folder.mkdir(parents=True)
    write_json(folder / "status.json", {"state": "finished"})
    (folder / "settings.yaml").write_text("model: m\ncohort: ''\n")
    with pytest.raises(InputError, match="made on files, not on a cohort"):
        call(source="bad")
    (folder / "settings.yaml").write_text("model: m\ncohort: c\n")
    with pytest.raises(InputError, match="The run has no predictions"):
        call(source="bad")
    dev = hospital.cohort.development(hospital.cohort.labels("v1"))
    table = predictions(hospital, dev)
    table.to_parquet(folder / "predictions.parquet", index=False)
    with pytest.raises(InputError, match="no reserved scan that has a label"):
        call(source="bad")
    table.drop(columns="sick").to_parquet(folder / "predictions.parquet", index=False)
    with pytest.raises(InputError, match="no class 'sick'"):
        call(source="bad")


def test_a_fine_tuning_is_audited_with_its_own_line(hospital: SimpleNamespace, call) -> None:  # noqa: F811
    """Predictions and out-of-fold scores as the verb finetune writes them; no classifier, so no features."""
    from workbench.finetuning.record import prediction_table, write_table

    labels = hospital.cohort.labels("v1")
    folder = hospital.workspace.runs_dir / "finetune" / "f"
    folder.mkdir(parents=True)
    write_json(folder / "status.json", {"state": "finished"})
    (folder / "settings.yaml").write_text("cohort: c\nunit: exam\nbudget: 0\nbudget_unit: patients\n")
    for name, scans in (
        ("predictions", hospital.cohort.test(labels)),
        ("out_of_fold", hospital.cohort.development(labels)),
    ):
        wide = predictions(hospital, scans)
        p = wide[["well", "sick"]].to_numpy()
        table = prediction_table(scans, scans, p, labels.classes, labels.targets(scans))
        write_table(folder / f"{name}.parquet", table)
    write_json(folder / "result.json", {"labels": "v1", "n_patients": 200, "n_scans": 400})
    result = call(source="f")
    summary = pd.read_json(Path(result.path) / "audit.json", typ="series")
    assert (result.protocol, summary["unit"], summary["n"]) == ("finetune", "exam", 200)
    assert summary["test"]["units"] == summary["test"]["patients"]
    line = summary["operating_point"]["by_budget"][0]
    assert line["transferred"] and line["draws_with_line"] == 1
    assert summary["shortcuts"][0]["note"] == "no features to probe"
    assert len(summary["referral"]["by_budget"]) == 1


@pytest.mark.slow
def test_everything_is_recorded_but_the_keys(call, hospital: SimpleNamespace, tmp_path, monkeypatch) -> None:  # noqa: F811
    monkeypatch.delenv("WORKBENCH_MLFLOW")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    call(name="kept", review=5)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("audit/c")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["stage"] == "audit" and run.data.tags["audited"] == "s"
    assert run.data.tags["verdict.sex"] in ("no disparity detected", "too few to judge", "disparity remains")
    assert "shortcut.sex" in run.data.tags
    assert len(client.get_metric_history(run.info.run_id, "auc")) == 4
    names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert names == {"audit.html", "audit.json", "figures", "tables"}
