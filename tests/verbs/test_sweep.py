import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pandas as pd
import pytest
import yaml

from workbench import cli
from workbench.config import load_settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.status import RunStatus
from workbench.runs.workspace import Workspace
from workbench.sources.phantom_cohort import make_cohort
from workbench.verbs import sweep as module
from workbench.verbs.sweep import Cell, SweepResult, SweepSettings, cells_of, run_cell, sweep


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("sweep")
    make_cohort(root / "phantom", patients=6, seed=0, lesion_cm=2.0, pixels=64, workers=1)
    assert cli.main(["index", str(root / "phantom/dicom"), "cohort=p", "--workspace", str(root), "--quiet"]) == 0
    return Workspace(root)


def run(workspace: Workspace, **values) -> SweepResult:
    return sweep(load_settings(SweepSettings, values=values), workspace=workspace, progress=Progress(quiet=True))


def test_a_grid_is_every_combination() -> None:
    settings = load_settings(
        SweepSettings, values={"verb": "prepare", "grid": {"size": [32, 48], "cohort": ["a", "b"]}}
    )
    assert cells_of(settings) == [
        {"size": 32, "cohort": "a"},
        {"size": 32, "cohort": "b"},
        {"size": 48, "cohort": "a"},
        {"size": 48, "cohort": "b"},
    ]


@pytest.mark.parametrize("grid", [{}, {"size": []}])
def test_an_empty_grid_is_refused(grid: dict) -> None:
    with pytest.raises(InputError, match="nothing to vary"):
        cells_of(load_settings(SweepSettings, values={"verb": "prepare", "grid": grid}))


def test_cells_run_a_failed_one_is_reported_and_finished_ones_are_skipped(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"size": 32}, "grid": {"cohort": ["p", "absent"]}, "name": "sizes"}
    first = run(workspace, **values)
    assert (first.cells, first.finished, first.skipped, first.exit_code) == (2, 1, 0, 1)
    assert list(first.failed) == ["cohort=absent"]
    assert "There is no cohort 'absent'" in first.failed["cohort=absent"]
    table = pd.read_csv(first.table)
    assert table["cohort"].tolist() == ["p"]
    again = run(workspace, **values)
    assert (again.finished, again.skipped) == (1, 1)
    assert again.run_id == first.run_id


def test_settings_that_do_not_fit_are_refused_before_anything_runs(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"siz": [32]}, "name": "wrong"}
    with pytest.raises(InputError, match="Did you mean 'size'"):
        run(workspace, **values)
    assert not (workspace.runs_dir / "sweep" / "wrong").exists()


def test_the_table_is_sorted_by_the_metric(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"size": [32, 48]}, "name": "by", "metric": "bytes"}
    result = run(workspace, **values)
    assert pd.read_csv(result.table)["size"].tolist() == [48, 32]
    assert result.best is not None
    assert result.best["size"] == 48
    assert json.loads(result.model_dump_json())["finished"] == 2


def test_a_metric_that_no_cell_has_is_said(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"size": [32]}, "name": "no", "metric": "auc"}
    result = run(workspace, **values)
    assert result.best is None
    assert "No cell has the figure 'auc'; there are " in result.summary() and "bytes" in result.note


def test_a_sweep_at_work_is_not_begun_twice(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"size": [32]}, "name": "twice"}
    folder = RunFolder.open(Path(run(workspace, **values).path))
    with folder, pytest.raises(InputError, match="The run 'twice' is running"):
        run(workspace, **values)


def test_a_stop_leaves_the_rest_for_the_next_time(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"size": [32, 40, 48, 56]}, "name": "stop"}
    first = run(workspace, **{**values, "grid": {"size": [32]}})
    RunFolder.open(Path(first.path)).request_stop()
    stopped = run(workspace, **values)
    assert (stopped.stopped, stopped.finished, stopped.failed, stopped.exit_code) == (True, 1, {}, 0)
    assert "Stopped; what was done is kept. The same command goes on." in stopped.summary()
    status = RunFolder.open(Path(first.path)).status()
    assert (status.state, status.message) == ("stopped", "1 of 4 cells finished, 0 failed.")
    whole = run(workspace, **values)
    assert (whole.stopped, whole.finished, whole.skipped) == (False, 4, 1)
    assert pd.read_csv(whole.table)["size"].tolist() == [32, 40, 48, 56]


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    (tmp_path / "sweep").mkdir()
    return Cell(
        "pretrain", {"seed": 1}, str(tmp_path / "c.yaml"), str(tmp_path), str(tmp_path / "sweep"), "", "d", "s-1", True
    )


def test_a_cell_asks_for_its_run_to_go_on_where_there_is_one(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    told = CompletedProcess([], 0, '{"stopped": false, "loss": 1.0}\n', "")
    monkeypatch.setattr(module, "end_with_parent", lambda: True)
    monkeypatch.setattr(module, "run_command", lambda words, **_: asked.append(words) or told)
    assert run_cell(cell) == {"stopped": False, "loss": 1.0}
    RunFolder.create(Workspace(Path(cell.workspace)), "pretrain", SweepSettings(verb="embed", grid={}), "s-1")
    run_cell(cell)
    run_cell(replace(cell, resumes=False))
    assert [words[1:3] for words in asked] == [
        ["--config", cell.settings_file],
        ["resume=s-1", "--workspace"],
        ["--config", cell.settings_file],
    ]


def test_a_cell_that_fails_because_it_was_stopped_has_not_failed(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Path(cell.sweep) / "stop"
    failed = CompletedProcess([], 1, "", "warning\nError: The disk is full.\nat exit: something\n")
    monkeypatch.setattr(module, "end_with_parent", lambda: True)
    monkeypatch.setattr(module, "run_command", lambda *_, **__: failed)
    with pytest.raises(OperationFailed, match="^The disk is full.$"):
        run_cell(cell)
    monkeypatch.setattr(module, "run_command", lambda *_, **__: stop.touch() or failed)
    assert run_cell(cell) == {"stopped": True}
    monkeypatch.setattr(module, "run_command", lambda *_, **__: pytest.fail("begun after the stop"))
    assert run_cell(cell) == {"stopped": True}


def test_cells_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module, "worker_count", lambda: 8)
    assert [module._threads(workers) for workers in (1, 2, 3, 16)] == [0, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert module._threads(2) == 0


@pytest.mark.slow
def test_a_killed_sweep_stops_its_cell_and_goes_on_with_it(workspace: Workspace) -> None:
    """The cell is a pretraining; killed with its sweep it saves, and the next sweep takes it up where it was."""
    values = ["verb=pretrain", "name=killed", "grid={seed: [1]}", "base.cohort=p", "base.method=simclr"]
    values += ["base.size=32", "base.batch_size=4", "base.epochs=400", "base.meters=false"]
    command = [sys.executable, "-m", "workbench.cli", "sweep", *values, "--workspace", str(workspace.root), "--quiet"]
    child = subprocess.Popen(command, env={**os.environ, "WORKBENCH_MLFLOW": "off"})

    def cell() -> RunStatus | None:
        folders = list((workspace.runs_dir / "pretrain").glob("killed-*/status.json"))
        return RunStatus.read(folders[0].parent) if folders else None

    wait_for(lambda: (status := cell()) is not None and "epoch" in status.numbers)
    child.kill()
    child.wait()
    wait_for(lambda: (status := cell()) is not None and status.state == "stopped")
    (folder,) = (workspace.runs_dir / "pretrain").glob("killed-*")
    settings = yaml.safe_load((folder / "settings.yaml").read_text())
    assert settings["name"] == folder.name
    child = subprocess.Popen(command, env={**os.environ, "WORKBENCH_MLFLOW": "off"})
    wait_for(lambda: "Going on from step" in (folder / "log.txt").read_text())
    child.terminate()
    assert child.wait(60) == 0
    assert [path.name for path in (workspace.runs_dir / "pretrain").glob("killed-*")] == [folder.name]
    assert RunStatus.read(workspace.runs_dir / "sweep" / "killed").state == "stopped"


def wait_for(done: Callable[[], bool], limit_s: float = 120.0) -> None:
    ends = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.1)
