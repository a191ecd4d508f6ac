"""The verb on real DICOM files: phantom radiographs of 45 patients, indexed, labelled, decoded, learnt from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from workbench.cohort.cohort import Cohort
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.evaluation.metrics import evaluate
from workbench.models import build_encoder, load_classifier, save_encoder
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store
from workbench.store.datasets import UnitImages
from workbench.verbs import VERBS
from workbench.verbs.finetune import FinetuneResult, FinetuneSettings, finetune

SMALL = {"size": 32, "steps": 4, "batch_size": 8, "folds": 2, "train.precision": "fp32", "train.channels_last": "off"}


def call(verb: str, workspace: Workspace, **values: Any) -> Any:
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace, progress=Progress(quiet=True))


def tune(workspace: Workspace, **values: Any) -> FinetuneResult:
    return call("finetune", workspace, **{"cohort": "phantom", **SMALL, **values})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from workbench.sources.phantom_cohort import make_cohort

    key = tmp_path_factory.mktemp("key") / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        patch.setenv("WORKBENCH_MLFLOW", "off")
        root = tmp_path_factory.mktemp("workspace")
        made = make_cohort(
            root / "phantom", patients=45, seed=0, lesion_cm=2.2, pixels=64, progress=Progress(quiet=True)
        )
        workspace = Workspace(root)
        call("index", workspace, sources=[str(made.folder)], cohort="phantom", workers=1)
        call("label", workspace, cohort="phantom", labels=str(made.labels), key="sop", column="lesion")
        small = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1)
        cohort = Cohort.open(workspace.cohort_dir("phantom"))
        pool = cohort.record_pool(cohort.pool())
        save_encoder(root / "encoder", small, {"pool_digest": pool.digest, "method": "mae"})
        yield workspace


@pytest.fixture(scope="module")
def result(workspace: Workspace) -> FinetuneResult:
    return tune(workspace, encoder=str(workspace.root / "encoder"), name="one")


def test_the_run_folder_holds_classifier_predictions_metrics_and_pictures(
    workspace: Workspace, result: FinetuneResult
) -> None:
    folder = Path(result.path)
    assert folder == workspace.runs_dir / "finetune" / "one"
    assert RunFolder.open(folder).status().state == "finished"
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    labels = cohort.labels()
    test = cohort.test(labels)
    table = pd.read_parquet(folder / "predictions.parquet")
    assert list(table.columns) == ["scan_id", "patient_key", "label", "class", "probability"]
    assert table["scan_id"].tolist() == np.repeat(test, 2).tolist()
    assert set(table["class"]) == set(labels.classes)
    assert np.allclose(table.groupby("scan_id")["probability"].sum(), 1, atol=1e-5)
    truth = dict(zip(labels.table["scan_id"], labels.table["label"], strict=True))
    assert table["label"].tolist() == [truth[scan] for scan in table["scan_id"]]
    assert (result.test_scans, result.n_scans) == (len(test), len(cohort.development(labels)))
    assert not (folder / "checkpoint.ckpt").exists()
    assert Image.open(folder / "saliency.png").size[0] == 1760
    assert str(workspace.root) not in (folder / "classifier.json").read_text()


def test_the_metrics_are_those_of_the_predictions(workspace: Workspace, result: FinetuneResult) -> None:
    folder = Path(result.path)
    table = pd.read_parquet(folder / "predictions.parquet")
    wide = table.pivot(index="scan_id", columns="class", values="probability")[result.classes]
    rows = table.drop_duplicates("scan_id").set_index("scan_id").loc[wide.index]
    targets = np.array([result.classes.index(name) for name in rows["label"]])
    expected = evaluate(wide.to_numpy(), targets, rows["patient_key"].to_numpy())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics) == {
        "auc", "average_precision", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "brier", "log_loss"
    }  # fmt: skip
    for name in ("auc", "average_precision", "brier", "log_loss"):
        assert metrics[name]["value"] == pytest.approx(expected[name].value, abs=1e-5)
    assert metrics["auc"]["n_patients"] == result.test_patients == len(set(rows["patient_key"]))
    assert metrics["sensitivity"]["value"] is not None  # the folds gave an operating point
    assert f"{metrics['auc']['value']:.3f}" in result.summary()


def test_scores_of_the_labelled_scans_by_trainings_without_them_are_kept(
    workspace: Workspace, result: FinetuneResult
) -> None:
    table = pd.read_parquet(Path(result.path) / "out_of_fold.parquet")
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    labels = cohort.labels()
    assert set(table["scan_id"]) == set(cohort.development(labels))
    truth = dict(zip(labels.table["scan_id"], labels.table["label"], strict=True))
    assert table["label"].tolist() == [truth[scan] for scan in table["scan_id"]]
    assert np.allclose(table.groupby("scan_id")["probability"].sum(), 1, atol=1e-5)


def test_the_classifier_gives_the_predictions_again(workspace: Workspace, result: FinetuneResult) -> None:
    classifier = load_classifier(result.path)
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    store = build_store(cohort, 32, workspace=workspace)
    test = cohort.test(cohort.labels())
    images = UnitImages(store, store.rows_of(test)).batch(np.arange(len(test)))
    with torch.inference_mode():
        again = classifier.probabilities(classifier(images)).numpy()
    table = pd.read_parquet(Path(result.path) / "predictions.parquet")
    assert np.allclose(table["probability"].to_numpy().reshape(-1, 2), again, atol=1e-5)


def test_a_budget_is_drawn_by_patients_and_its_draws_differ(workspace: Workspace) -> None:
    first, second = (
        tune(workspace, budget=8, draw=draw, folds=0, pictures=0, encoder="scratch:resnet18") for draw in (0, 1)
    )
    assert first.n_patients == second.n_patients == 8
    assert first.told["keep"] == 1.0
    assert first.metrics["auc"] != second.metrics["auc"]
    assert first.metrics["sensitivity"]["value"] is None
    assert not (Path(first.path) / "saliency.png").exists()


def test_validation_patients_are_not_trained_on_and_choose_the_weights(workspace: Workspace) -> None:
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    labels = cohort.labels("v1")
    development, manifest = cohort.development(labels), cohort.manifest
    patients = manifest.set_index("scan_id")["patient_key"]
    theirs = sorted(set(patients[development]))[::3]
    part = np.where(patients[labels.scan_ids].isin(theirs), "val", "train")
    part[patients[labels.scan_ids].isin(set(patients[cohort.test(labels)]))] = "val"  # reserved patients stay reserved
    attributes = pd.DataFrame({"scan_id": labels.scan_ids, "split": part})
    replace(labels, version="parts", attributes=attributes).write(cohort.folder)
    try:
        found = tune(
            workspace, labels="parts", validation="split:val", select="best", validate_every=1, steps=3, ema=0,
            encoder="scratch:resnet18", folds=0, pictures=0,
        )  # fmt: skip
    finally:
        (cohort.folder / "labels" / "parts.parquet").unlink()
    held_out = int(patients[development].isin(theirs).sum())
    assert (found.n_scans, found.told["validation_scans"]) == (len(development) - held_out, held_out)
    assert found.n_patients == len(set(patients[development])) - len(theirs)
    assert found.test_scans == len(cohort.test(labels))
    aucs = [event["validation_auc"] for event in RunFolder.open(Path(found.path)).events()]
    assert len(aucs) == 3
    assert found.told["best_epoch"] == aucs.index(max(aucs)) + 1


@pytest.mark.parametrize("method", ["probe", "knn"])
def test_frozen_features(workspace: Workspace, method: str) -> None:
    found = tune(workspace, method=method, encoder=str(workspace.root / "encoder"), unit="patient", pictures=2)
    assert 0 <= found.metrics["auc"]["value"] <= 1
    assert found.metrics["auc"]["n"] == found.test_patients  # one answer per patient
    folder = Path(found.path)
    assert (folder / "classifier.safetensors").exists() is (method == "probe")
    if method == "probe":
        table = pd.read_parquet(folder / "predictions.parquet")
        cohort = Cohort.open(workspace.cohort_dir("phantom"))
        store = build_store(cohort, 32, workspace=workspace)
        test = cohort.test(cohort.labels())
        classifier = load_classifier(folder)
        images = UnitImages(store, store.rows_of(test)).batch(np.arange(len(test)))
        with torch.inference_mode():
            again = classifier.probabilities(classifier(images)).numpy()
        assert np.allclose(table["probability"].to_numpy().reshape(-1, 2), again, atol=1e-3)


def test_an_encoder_that_saw_test_patients_is_refused(workspace: Workspace) -> None:
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    pool = cohort.record_pool(cohort.manifest["scan_id"].to_numpy())
    save_encoder(
        workspace.root / "leaky",
        build_encoder("vit_tiny", size=32, depth=1, patch_size=8),
        {"pool_digest": pool.digest},
    )
    leaky = str(workspace.root / "leaky")
    with pytest.raises(InputError, match="pretrained on test patients of this cohort"):
        tune(workspace, encoder=leaky)
    found = tune(workspace, encoder=leaky, transductive=True, method="probe", pictures=0)
    assert "Transductive" in json.loads((Path(found.path) / "classifier.json").read_text())["pool"]


def test_an_encoder_of_an_unknown_pool_is_said_to_be_one(workspace: Workspace) -> None:
    save_encoder(
        workspace.root / "foreign", build_encoder("vit_tiny", size=32, depth=1, patch_size=8), {"pool_digest": "0"}
    )
    found = tune(workspace, encoder=str(workspace.root / "foreign"), method="knn")
    assert "not known" in (Path(found.path) / "log.txt").read_text()


def test_a_stopped_run_goes_on_to_the_same_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"encoder": str(workspace.root / "encoder"), "folds": 0, "pictures": 0, "steps": 20}
    whole = tune(workspace, **values)
    asked = []

    def stop_once(run: RunFolder) -> bool:
        asked.append(run)
        run._stopped = run._stopped or len(asked) == 5
        return run._stopped

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "stop_requested", stop_once)
        part = tune(workspace, **values, name="halted")
    assert part.stopped
    assert "finetune resume=halted" in part.summary()
    rest = finetune(load_settings(FinetuneSettings, values={"resume": "halted"}), workspace=workspace)
    assert not rest.stopped
    assert rest.metrics == whole.metrics
    again = finetune(load_settings(FinetuneSettings, values={"resume": "halted"}), workspace=workspace)
    assert again == rest


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"cohort": ""}, "No cohort is named"),
        ({"cohort": "nothing"}, "no cohort 'nothing'"),
        ({"labels": "v9"}, "no labels 'v9'"),
        ({"encoder": "nothing"}, "no encoder 'nothing'"),
        ({"budget": 2}, "too small"),
        ({"budget": 10_000}, "more than there is"),
        ({"validation": "site:north"}, "names no column of the labels v1"),
        ({"select": "best"}, "no validation scans"),
        ({"train.accelerator": "gpu"}, "A GPU was asked for"),
        ({"resume": "nothing"}, "no finetune run 'nothing'"),
        ({"stepps": 3}, "Did you mean 'steps'"),
    ],
)
def test_what_the_user_gets_wrong(workspace: Workspace, values: dict[str, Any], told: str) -> None:
    if "train.accelerator" in values and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match=told):
        tune(workspace, **values)


def test_labels_of_one_class_teach_nothing(workspace: Workspace) -> None:
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    labels = cohort.labels("v1")
    development = set(cohort.development(labels))
    inside = labels.table["scan_id"].isin(development)
    kept = labels.table[~inside | (labels.table["label"] == labels.classes[0])]
    replace(labels, version="lopsided", table=kept).write(cohort.folder)
    try:
        with pytest.raises(InputError, match="hold one class alone"):
            tune(workspace, labels="lopsided")
    finally:
        (cohort.folder / "labels" / "lopsided.parquet").unlink()
