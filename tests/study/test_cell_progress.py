from __future__ import annotations

from pathlib import Path

import pytest

from workbench.config import Settings
from workbench.finetuning.fold_run import FoldRun
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.study.cell_progress import FeatureProgress, Stopped, TrainingProgress


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(Workspace(tmp_path), "study", Settings(), "s", quiet=True)


def test_a_training_is_told_beside_the_number_of_trainings(run: RunFolder) -> None:
    told = TrainingProgress(run, 3, 40, arm="MAE", labels="100", draw="2")
    told.progress(160, 640, "scans", loss=0.4, epoch="1/20")
    assert run.line() == "  3 of 40 trainings (8 %) · arm MAE · labels 100 · draw 2 · now 25 %"
    FoldRun(told, "2/3").progress(639, 640)
    assert run.line().endswith("now fold 2/3, 99 %")
    assert (run.status().step, run.status().total, run.status().unit) == (3, 40, "trainings")


def test_what_a_training_says_and_counts_is_not_the_studys(run: RunFolder) -> None:
    told = TrainingProgress(run, 0, 1)
    told.log("Mixed precision: bf16.")
    told.event(loss=1.0)
    assert not (run.path / "log.txt").exists() and run.events() == []


def test_a_stop_breaks_off_wherever_it_is_looked_for(run: RunFolder) -> None:
    training, features = TrainingProgress(run, 0, 1), FeatureProgress(run, "a")
    assert training.stop_requested() is False
    features.progress(1, 2)
    assert run.line() == "  1 of 2 scans (50 %) · arm a · protocol features"
    run.request_stop()
    for look in (training.stop_requested, lambda: training.progress(1, 2), lambda: features.progress(1, 2)):
        with pytest.raises(Stopped):
            look()
