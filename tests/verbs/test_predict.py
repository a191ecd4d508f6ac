"""The verb on real DICOM files: phantom radiographs, as a cohort and as plain files, scored alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.cohort.cohort import Cohort
from workbench.config import load_settings
from workbench.errors import InputError, OperationFailed
from workbench.models import Classifier, build_encoder, save_classifier
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS
from workbench.verbs.predict import PredictResult


def call(verb: str, workspace: Workspace, **values: Any) -> Any:
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace, progress=Progress(quiet=True))


def classifier_of(classes: list[str], task: str) -> Classifier:
    made = Classifier(build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1), classes, task)
    rng = np.random.default_rng(0)
    made.head.start_from(rng.normal(size=(len(classes), 192)), np.zeros(len(classes)))
    return made


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from workbench.sources.phantom_cohort import make_cohort

    key = tmp_path_factory.mktemp("key") / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        root = tmp_path_factory.mktemp("workspace")
        made = make_cohort(
            root / "phantom", patients=40, seed=0, lesion_cm=2.2, pixels=64, progress=Progress(quiet=True)
        )
        workspace = Workspace(root)
        call("index", workspace, sources=[str(made.folder)], cohort="phantom", workers=1)
        save_classifier(root / "model", classifier_of(["normal", "lesion"], "binary"))
        save_classifier(root / "several", classifier_of(["mass", "fracture"], "multilabel"))
        yield workspace


def predict(workspace: Workspace, **values: Any) -> PredictResult:
    return call("predict", workspace, **{"model": str(workspace.root / "model"), **values})


@pytest.fixture(scope="module")
def of_cohort(workspace: Workspace) -> PredictResult:
    return predict(workspace, cohort="phantom", name="cohort")


def test_every_usable_scan_of_a_cohort_is_scored(workspace: Workspace, of_cohort: PredictResult) -> None:
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    table = pd.read_parquet(of_cohort.predictions)
    columns = ["scan_id", "study_key", "patient_key", "reserved", "answer", "normal", "lesion"]
    assert list(table.columns) == columns
    assert table["scan_id"].tolist() == cohort.manifest.loc[cohort.usable(), "scan_id"].tolist()
    assert np.allclose(table["normal"] + table["lesion"], 1, atol=1e-5)
    assert (table["answer"] == np.where(table["lesion"] > table["normal"], "lesion", "normal")).all()
    assert table["reserved"].tolist() == cohort.split().is_test(table["scan_id"].tolist()).tolist()
    assert sum(of_cohort.answers.values()) == of_cohort.scans == of_cohort.units == len(table)


def test_files_are_scored_as_the_cohort_is(workspace: Workspace, of_cohort: PredictResult) -> None:
    found = predict(workspace, sources=[str(workspace.root / "phantom")], workers=1, batch_size=7)
    cohort = pd.read_parquet(of_cohort.predictions).set_index("scan_id")
    files = pd.read_parquet(found.predictions)
    assert "file" not in files  # a run folder names no file
    files = files.drop_duplicates("scan_id").set_index("scan_id")
    assert set(cohort.index) <= set(files.index)
    both = files.loc[cohort.index]
    assert np.allclose(both["lesion"], cohort["lesion"], atol=1e-4)
    assert (both["patient_key"] == cohort["patient_key"]).all()
    assert (both["study_key"] == cohort["study_key"]).all()
    assert found.files_refused == sum(found.reasons.values()) > 0  # the phantom holds damaged files
    assert f"{found.files_seen} files seen = {found.files_seen - found.files_refused} used + " in found.summary()
    settings = (workspace.runs_dir / "predict" / found.run_id / "settings.yaml").read_text()
    assert "phantom" not in settings


def test_a_file_of_ones_own_names_the_dicom_files(workspace: Workspace, tmp_path: Path) -> None:
    one = next(file for file in sorted((workspace.root / "phantom").rglob("*.dcm")))
    found = predict(workspace, sources=[str(one)], out=str(tmp_path / "deep" / "answers.csv"), workers=1)
    table = pd.read_csv(tmp_path / "deep" / "answers.csv")
    assert table["file"].tolist() == [str(one)]
    assert found.scans == 1


@pytest.mark.parametrize(("unit", "key"), [("exam", "study_key"), ("patient", "patient_key")])
def test_scores_of_a_unit_are_pooled_by_their_mean(
    workspace: Workspace, of_cohort: PredictResult, unit: str, key: str
) -> None:
    scans = pd.read_parquet(of_cohort.predictions)
    pooled = pd.read_parquet(predict(workspace, cohort="phantom", unit=unit).predictions).set_index(key)
    expected = scans.groupby(key)["lesion"].mean()
    assert np.allclose(pooled["lesion"], expected.loc[pooled.index], atol=1e-6)
    assert pooled["scans"].tolist() == scans.groupby(key).size().loc[pooled.index].tolist()
    patients = scans.groupby(key)["patient_key"].first().loc[pooled.index]
    assert unit == "patient" or pooled["patient_key"].tolist() == patients.tolist()


def test_only_reserved_patients(workspace: Workspace, of_cohort: PredictResult) -> None:
    table = pd.read_parquet(predict(workspace, cohort="phantom", only="reserved").predictions)
    assert table["reserved"].all()
    assert len(table) == pd.read_parquet(of_cohort.predictions)["reserved"].sum()


def test_several_findings_have_no_single_answer(workspace: Workspace) -> None:
    found = predict(workspace, cohort="phantom", model=str(workspace.root / "several"), unit="patient")
    table = pd.read_parquet(found.predictions)
    assert "answer" not in table
    assert found.answers == {name: int((table[name] > 0.5).sum()) for name in ("mass", "fracture")}


def test_a_run_by_its_id(workspace: Workspace) -> None:
    run = workspace.runs_dir / "finetune" / "mine"
    save_classifier(run, classifier_of(["normal", "lesion"], "binary"))
    (run / "status.json").write_text("{}")
    assert predict(workspace, model="mine", cohort="phantom", only="reserved").scans > 0
    (run / "classifier.json").unlink()
    with pytest.raises(InputError, match="'mine' holds no classifier"):
        predict(workspace, model="mine", cohort="phantom")


def test_what_the_user_gets_wrong(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.dcm").write_text("no picture")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="either files or a cohort"):
        predict(workspace)
    with pytest.raises(InputError, match="not both"):
        predict(workspace, cohort="phantom", sources=["x"])
    with pytest.raises(InputError, match="no finetune run 'nobody'"):
        predict(workspace, model="nobody", cohort="phantom")
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        predict(workspace, cohort="phantom", out="answers.txt")
    with pytest.raises(InputError, match="neither a folder nor a file"):
        predict(workspace, sources=[str(tmp_path / "absent")])
    with pytest.raises(InputError, match=r"Not one of the 1 files holds a picture.*not_dicom"):
        predict(workspace, sources=[str(tmp_path / "text")], workers=1)
    with pytest.raises(InputError, match="Not one of the 0 files"):
        predict(workspace, sources=[str(tmp_path / "nothing")], workers=1)


def test_a_place_that_cannot_be_written_to(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationFailed, match="predictions cannot be written"):
        predict(workspace, cohort="phantom", out=str(tmp_path / "file" / "answers.csv"))
