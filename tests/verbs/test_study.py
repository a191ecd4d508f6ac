from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.store.conftest import write_dicom
from tests.study.making import make_cohort, make_features, settings_of
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.cohort.pixel_hashes import pixel_hash
from workbench.config import load_settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.study import cell_progress, grid
from workbench.study.settings import StudySettings
from workbench.verbs import VERBS
from workbench.verbs.study import plain, study


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")
    workspace = Workspace(tmp_path)
    cohort, target = make_cohort(workspace, patients=60)
    arms = {name: make_features(tmp_path / f"{name}.npz", cohort, target, s) for name, s in (("a", 0.5), ("b", 1.0))}

    def run(**values: Any):
        given = settings_of(arms, **{"budgets": [6, 12, 24], "draws": 3, **values})
        return study(load_settings(StudySettings, values=given), workspace=workspace)

    return workspace, run


def test_the_table_of_verbs_finds_it() -> None:
    assert VERBS["study"].load() == (StudySettings, study)


def test_the_answer_ends_with_verdict_labels_saved_and_report(bench) -> None:
    workspace, run = bench
    result = run()
    assert list(result.model_dump())[-3:] == ["verdict", "labels_saved", "report"]
    assert result.run_id == "s" and result.cells == 2 * 3 * 3
    written = {file.name for file in Path(result.path).iterdir()}
    assert written >= {
        "settings.yaml", "status.json", "log.txt", "results.parquet", "predictions.parquet", "summary.json",
        "report.html", "figures", "cells",
    }  # fmt: skip
    assert RunFolder.open(Path(result.path)).status().state == "finished"
    assert result.summary().startswith(result.verdict)
    assert f"Report: {result.report}" in result.summary()


def test_the_same_name_goes_on_and_another_study_may_not_take_it(bench) -> None:
    workspace, run = bench
    first = run()
    again = run()
    assert again.path == first.path
    assert (again.verdict, again.labels_saved) == (first.verdict, first.labels_saved)
    with pytest.raises(InputError, match="with other settings.*another name"):
        run(seed=1)
    assert run(name="").run_id != "s"


def test_a_killed_study_loses_no_cell(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies after the first arm; going on solves the second arm only, and the answer is that of an unbroken run."""
    workspace, run = bench
    whole = run(name="whole")
    solve = grid.Grid._solve
    solved = []

    def dies(self, protocol, train, test, rows):
        if solved:
            raise MemoryError("killed")
        solved.append(protocol)
        return solve(self, protocol, train, test, rows)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(grid.Grid, "_solve", dies)
        run(name="broken")
    assert RunFolder.open(workspace.runs_dir / "study" / "broken").status().state == "failed"
    count = []
    monkeypatch.setattr(grid.Grid, "_solve", lambda *given: count.append(1) or solve(*given))
    result = run(name="broken")
    assert len(count) == 1
    for name in ("results.parquet", "predictions.parquet"):
        first, second = (
            pd.read_parquet(workspace.runs_dir / "study" / run_id / name) for run_id in ("whole", "broken")
        )
        pd.testing.assert_frame_equal(first, second)
    assert result.verdict == whole.verdict


def test_a_stop_keeps_what_is_done(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, run = bench
    solve = grid.Grid._solve

    def stops(self, *given):
        self.run.request_stop()
        return solve(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(grid.Grid, "_solve", stops)
        result = run()
    assert result.stopped and result.report == ""
    assert "Continue with the same command and name=s" in result.summary()
    assert RunFolder.open(Path(result.path)).status().state == "stopped"
    assert not run().stopped


def test_a_class_with_too_few_patients_is_named(bench) -> None:
    _, run = bench
    with pytest.raises(InputError, match="no: .*yes: .*smallest budget here is 4"):
        run(budgets=[2, 12])


def test_names_for_mlflow() -> None:
    assert plain("MAE ViT/8: (ours)") == "MAE_ViT_8_ours"
    assert plain("()") == "arm"


def images_of_two_kinds(workspace: Workspace, tmp_path: Path) -> Cohort:
    """Sixty patients with one small DICOM file each; every second has a bright square and the label ``yes``."""
    random = np.random.default_rng(0)
    scans, files, labels, hashes = [], {}, [], []
    for number in range(60):
        pixels = random.integers(500, 1500, (32, 32)).astype(np.uint16)
        pixels[8:16, 8:16] += 2000 * (number % 2)
        scans.append(f"S{number:02d}")
        files[f"F{number:02d}"] = write_dicom(tmp_path / "dicom" / f"{number:02d}.dcm", pixels)
        labels.append(("no", "yes")[number % 2])
        hashes.append(pixel_hash(pixels.astype(np.float32)))
    manifest = pd.DataFrame(
        {
            "scan_id": scans,
            "path_key": list(files),
            "patient_key": [f"P{n:02d}" for n in range(60)],
            "pixel_hash": hashes,
        }
    ).assign(frame=0, patient_unknown=False)
    cohort = Cohort.create(workspace.cohort_dir("c"), manifest, paths=files, test_share=0.45)
    table = pd.DataFrame({"scan_id": scans, "label": labels})
    Labels("v1", "binary", ["no", "yes"], table, table[["scan_id"]]).write(cohort.folder)
    return cohort


@pytest.mark.slow
def test_encoders_are_probed_and_fine_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images, an encoder, scratch of the same architecture added by itself, pixels; everything recorded in MLflow."""
    from workbench.models.checkpoint import save_encoder
    from workbench.models.encoders import build_encoder

    monkeypatch.delenv("WORKBENCH_MLFLOW", raising=False)
    workspace = Workspace(tmp_path)
    cohort = images_of_two_kinds(workspace, tmp_path)
    pool = cohort.record_pool(cohort.pool())
    facts = {"method": "simclr", "pool_digest": pool.digest, "cohort": cohort.name}
    save_encoder(tmp_path / "enc", build_encoder("resnet18_small", size=32), facts)
    values = settings_of(
        {"SimCLR": str(tmp_path / "enc"), "raw": "pixels"},
        reference="scratch",
        protocols=["probe", "finetune"],
        budgets=[8, 16],
        finetune_budgets=[8, 16],
        finetune_draws=2,
        draws=3,
        size=32,
        finetune={"steps": 2},
    )
    result = study(load_settings(StudySettings, values=values), workspace=workspace)
    summary = json.loads((Path(result.path) / "summary.json").read_text())
    assert {(point["arm"], point["protocol"]) for point in summary["curve"]} == {
        ("SimCLR", "probe"), ("SimCLR", "finetune"), ("raw", "probe"), ("scratch resnet18_small", "finetune"),
    }  # fmt: skip
    pairs = {(e["arm"], e["protocol"], e["reference"], e["reference_protocol"]) for e in summary["comparisons"]}
    assert ("SimCLR", "probe", "scratch resnet18_small", "finetune") in pairs
    assert ("SimCLR", "finetune", "scratch resnet18_small", "finetune") in pairs
    assert {(e["arm"], e["protocol"]) for e in summary["comparisons"] if e["primary"]} == {("SimCLR", "probe")}
    assert summary["verdict"].count("SimCLR (linear probe)") == 1
    assert next(arm for arm in summary["arms"] if arm["name"] == "SimCLR")["seen"] == "inductive"

    from mlflow.tracking import MlflowClient

    client = MlflowClient(workspace.mlflow_uri)
    experiment = client.get_experiment_by_name("study/c")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if run.data.tags["stage"] == "study")
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == 4
    assert {child.data.tags["protocol"] for child in children} == {"probe", "finetune"}
    assert parent.data.tags["split"] == cohort.split().digest
    artifacts = {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert artifacts >= {"report.html", "figures", "summary.json"}


def test_a_stop_is_heard_within_a_training_and_the_study_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")
    workspace = Workspace(tmp_path)
    images_of_two_kinds(workspace, tmp_path)
    values = settings_of(
        {"net": "scratch:resnet18"},
        protocols=["finetune"],
        budgets=[8, 16],
        finetune_draws=2,
        size=32,
        finetune={"steps": 5},
    )

    def run(name: str):
        return study(load_settings(StudySettings, values={**values, "name": name}), workspace=workspace)

    whole = run("whole")
    looks: list[int] = []
    original = cell_progress.check_stop

    def stops_in_the_third_step_of_the_second_training(folder: RunFolder) -> None:
        kept = len(list((folder.path / "cells").glob("*.npz")))
        looks.append(kept)
        if looks.count(1) == 7:
            folder.request_stop()
        original(folder)

    with monkeypatch.context() as patch:
        patch.setattr(cell_progress, "check_stop", stops_in_the_third_step_of_the_second_training)
        assert run("broken").stopped
    cells = workspace.runs_dir / "study" / "broken" / "cells"
    first = {file: file.stat().st_mtime_ns for file in cells.glob("*.npz")}
    assert len(first) == 1 and looks[-1] == 1
    assert RunFolder.open(cells.parent).status().state == "stopped"
    again = run("broken")
    assert not again.stopped and again.verdict == whole.verdict
    assert {file: file.stat().st_mtime_ns for file in first} == first
    for name in ("results.parquet", "predictions.parquet"):
        a, b = (pd.read_parquet(workspace.runs_dir / "study" / run_id / name) for run_id in ("whole", "broken"))
        pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_a_study_without_a_single_cell_says_why(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = bench

    def fails(self, arm, protocol, cells):
        self.not_run.append("a fine-tuned at 6, draw 0: The loss is not finite.")
        yield from ()

    monkeypatch.setattr(grid.Grid, "_frozen", fails)
    with pytest.raises(OperationFailed, match="No cell of the study could be run.*draw 0: The loss is not finite"):
        run()
