import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from workbench.config import Settings
from workbench.runs.tracking import MAX_PARAMS, Tracker, allowed, flatten, prepare_database
from workbench.runs.workspace import Workspace


class Inner(Settings):
    lr: float = 0.1


class Outer(Settings):
    size: int = 3
    train: Inner = Inner()


def client(workspace: Workspace):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=workspace.mlflow_uri)


def test_a_run_is_recorded_with_settings_metrics_data_and_files(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    figure = tmp_path / "figure.txt"
    figure.write_text("curve")
    with Tracker(workspace, "study/one", "first", "study", Outer(), {"cohort": "cxr"}) as tracker:
        tracker.metrics({"auc": 0.75, "broken": float("nan")}, step=2)
        tracker.dataset("cxr", "0123456789abcdef" * 4)
        tracker.artifact(figure, "figures")
        with Tracker(workspace, "study/one", "cell", "study", Outer(), parent=tracker.run_id) as cell:
            cell.metrics({"auc": 0.5})
    run = client(workspace).get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"auc": 0.75}
    assert run.data.params == {"size": "3", "train.lr": "0.1"}
    assert (run.data.tags["stage"], run.data.tags["cohort"]) == ("study", "cxr")
    assert run.data.tags["settings_digest"] == Outer().digest()
    assert run.data.tags["dataset.cxr"] == "0123456789abcdef" * 4
    assert run.inputs.dataset_inputs[0].dataset.name == "cxr"
    assert [item.path for item in client(workspace).list_artifacts(tracker.run_id, "figures")] == ["figures/figure.txt"]
    assert client(workspace).get_run(cell.run_id).data.tags["mlflow.parentRunId"] == tracker.run_id


def test_a_run_of_another_stage_is_nested_in_its_parents_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    with Tracker(workspace, "sweep/lr", "lr", "sweep", Outer()) as parent:
        monkeypatch.setenv("WORKBENCH_PARENT_RUN", parent.run_id)
        with Tracker(workspace, "pretrain/cxr", "lr-1", "pretrain", Outer()) as cell:
            pass
        monkeypatch.setenv("WORKBENCH_PARENT_RUN", "0" * 32)  # of another store
        with Tracker(workspace, "pretrain/cxr", "alone", "pretrain", Outer()) as alone:
            pass
    runs = {name: client(workspace).get_run(made.run_id) for name, made in (("p", parent), ("c", cell), ("a", alone))}
    assert runs["c"].info.experiment_id == runs["p"].info.experiment_id != runs["a"].info.experiment_id
    assert runs["c"].data.tags["mlflow.parentRunId"] == parent.run_id
    assert client(workspace).get_experiment(runs["a"].info.experiment_id).name == "pretrain/cxr"


def test_a_resumed_run_goes_on_in_the_same_record(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt), Tracker(workspace, "x", "r", "pretrain", Outer(), folder=folder) as first:
        first.metrics({"loss": 2.0}, step=1)
        raise KeyboardInterrupt
    assert client(workspace).get_run(first.run_id).info.status == "KILLED"
    with Tracker(workspace, "x", "r", "pretrain", Outer(), {"resumed": "true"}, folder=folder) as second:
        assert client(workspace).get_run(second.run_id).info.status == "RUNNING"
        second.metrics({"loss": 1.0}, step=2)
    assert second.run_id == first.run_id
    run = client(workspace).get_run(first.run_id)
    assert (run.info.status, run.data.metrics, run.data.tags["resumed"]) == ("FINISHED", {"loss": 1.0}, "true")
    elsewhere = Workspace(tmp_path / "other")
    with Tracker(elsewhere, "x", "r", "pretrain", Outer(), folder=folder) as third:
        assert third.run_id != first.run_id
    assert (folder / "mlflow-run.txt").read_text().strip() == third.run_id


def test_a_failing_block_marks_the_run_failed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    tracker = Tracker(workspace, "x", "r", "study", Settings())
    with pytest.raises(ValueError, match="no"), tracker:
        raise ValueError("no")
    assert client(workspace).get_run(tracker.run_id).info.status == "FAILED"


def test_switched_off_it_writes_nothing(tmp_path: Path) -> None:
    with Tracker(Workspace(tmp_path), "x", "r", "study", Settings(), enabled=False) as tracker:
        tracker.metrics({"auc": 1.0})
        tracker.artifact(tmp_path)
        tracker.tag("a", "b")
        tracker.dataset("a", "b")
        assert tracker.encoder(tmp_path, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_logging_an_encoder_leaves_the_tracking_address_of_later_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder.safetensors").write_bytes(b"w")
    (tmp_path / "encoder.json").write_text("{}")
    code = tmp_path / "code.py"
    code.write_text(
        "import mlflow\nfrom mlflow.pyfunc import PythonModel\n"
        "class Echo(PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n        return model_input\n"
        "mlflow.models.set_model(Echo())\n"
    )
    first, second = Workspace(tmp_path / "a"), Workspace(tmp_path / "b")
    with Tracker(first, "x", "r", "pretrain", Settings()) as tracker:
        assert tracker.encoder(tmp_path, code).startswith("models:/")
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert client(first).get_run(tracker.run_id).info.status == "FINISHED"
    with Tracker(second, "x", "r", "study", Settings()) as tracker:
        pass
    assert client(second).get_run(tracker.run_id).data.tags["stage"] == "study"
    assert not (tmp_path / "mlflow.db").exists()


def first_use(folder: str) -> str:
    with Tracker(Workspace(folder), "race", "r", "study", Settings()) as tracker:
        tracker.metrics({"x": 1.0})
    return tracker.run_id


@pytest.mark.slow
def test_processes_that_use_a_fresh_database_at_once_do_not_break_it(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(first_use, [str(tmp_path)] * 3))
    assert len(set(runs)) == 3
    experiment = client(Workspace(tmp_path)).get_experiment_by_name("race")
    assert len(client(Workspace(tmp_path)).search_runs([experiment.experiment_id])) == 3


def test_the_schema_is_made_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    prepare_database(workspace)
    before = workspace.mlflow_database.stat().st_mtime_ns
    prepare_database(workspace)
    assert workspace.mlflow_database.stat().st_mtime_ns == before


def test_many_settings_are_cut_to_what_mlflow_shows(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Tracker(workspace, "x", "r", "study", Settings()) as tracker:
        tracker.params({f"p{number}": number for number in range(100)})
    assert len(client(workspace).get_run(tracker.run_id).data.params) == MAX_PARAMS


def test_names_that_mlflow_refuses_are_changed() -> None:
    assert allowed("arms.Mädchen (T)+1.encoder") == "arms.M_dchen _T__1.encoder"
    assert allowed("probe/knn: a-b_c 1.0") == "probe/knn: a-b_c 1.0"


def test_flatten() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": {}}) == {"a": 1, "b.c": 2, "b.d.e": 3, "f": {}}
