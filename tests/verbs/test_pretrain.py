"""The verb on real DICOM files: phantom radiographs of 45 patients, indexed, labelled, decoded, learnt from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.cohort.cohort import Cohort
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.models import load_encoder, read_facts
from workbench.pretraining.settings import PretrainSettings
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS
from workbench.verbs.pretrain import PretrainResult, pretrain

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["size=32", "batch_size=16", "epochs=2", "train.precision=fp32", "train.channels_last=off"]
MAE = ["method=mae", "arguments={depth: 2, patch_size: 8}", "mae.decoder_depth=1", "mae.decoder_dim=32"]


def call(verb: str, workspace: Workspace, **values: Any) -> Any:
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace, progress=Progress(quiet=True))


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
            root / "phantom", patients=45, seed=0, lesion_cm=2.2, pixels=160, progress=Progress(quiet=True)
        )
        workspace = Workspace(root)
        call("index", workspace, sources=[str(made.folder)], cohort="phantom", workers=1)
        call("label", workspace, cohort="phantom", labels=str(made.labels), key="sop", column="lesion")
        yield workspace


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")
    torch.set_num_threads(1)


def train(workspace: Workspace, *words: str) -> PretrainResult:
    settings = load_settings(PretrainSettings, overrides=words)
    return pretrain(settings, workspace=workspace, progress=Progress(quiet=True))


def test_simclr_gives_an_encoder_that_knows_its_pool(workspace: Workspace) -> None:
    result = train(workspace, "cohort=phantom", "name=first", *SMALL)
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    folder = Path(result.path)
    pool = cohort.pool()
    assert (result.run_id, result.epochs, result.steps, result.scans) == ("first", 2, 2 * (len(pool) // 16), len(pool))
    assert (result.method, result.encoder) == ("simclr", "resnet18")

    encoder, facts = load_encoder(folder), read_facts(folder)
    assert encoder(torch.rand(3, 1, 32, 32)).shape == (3, 512)
    assert (facts["method"], facts["cohort"], facts["size"], facts["run_id"]) == ("simclr", "phantom", 32, "first")
    assert facts["site_key_fingerprint"] == cohort.fingerprint
    assert facts["normalisation"]["mean"] != [0.5]  # the pool's own
    recorded = cohort.keys_of(pool)
    assert (facts["pool_digest"], facts["pool_groups_digest"]) == (recorded.digest, recorded.groups_digest)
    assert [file.stem for file in cohort.pools()] == [recorded.digest]
    patients = set(cohort.manifest.set_index("scan_id").loc[list(pool), "patient_key"])
    assert not patients & set(cohort.split().test_patients)

    run = RunFolder.open(folder)
    assert run.status().state == "finished"
    assert [event["epoch"] for event in run.events()] == [1, 2]
    assert set(result.meters) == {"knn_auc", "probe_auc", "feature_std", "rank_me"}
    assert result.meters["probe_auc"] == run.events()[-1]["probe_auc"]
    for name in ("start", "end"):
        assert np.asarray(Image.open(folder / "pictures" / f"{name}.png")).shape == (8 * 98 - 2, 3 * 98 - 2, 3)
    assert json.loads((folder / "result.json").read_text())["steps"] == result.steps
    assert not (folder / "checkpoints" / "last.ckpt").exists()
    words = result.summary()
    assert "Finished after 2 epochs" in words
    assert f"probe AUC {result.meters['probe_auc']:.3f}" in words
    assert str(folder) in words


def test_the_same_settings_give_the_same_encoder_and_another_seed_another(workspace: Workspace) -> None:
    words = ["cohort=phantom", *SMALL, *MAE, "meters=false", "train.steps=3"]
    results = [train(workspace, *words, f"seed={seed}", f"name=mae-{n}") for n, seed in enumerate((0, 0, 1))]
    weights = [read_facts(result.path)["weights_sha256"] for result in results]
    assert weights[0] == weights[1] != weights[2]
    assert results[0].encoder == "vit_tiny"
    assert "probe_auc" not in results[0].meters


def test_killed_and_resumed_by_the_command_line_equals_uninterrupted(workspace: Workspace) -> None:
    words = ["cohort=phantom", *SMALL, *MAE, "train.steps=14", "train.checkpoint_every_s=0.001"]
    whole = train(workspace, *words, "name=whole")
    command = [sys.executable, "-m", "workbench.cli", "pretrain", "--workspace", str(workspace.root)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, *words, "name=killed"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    checkpoint = workspace.runs_dir / "pretrain" / "killed" / "checkpoints" / "last.ckpt"
    until = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (checkpoint.parent.parent / "encoder.safetensors").exists()
    resumed = train(workspace, "resume=killed")
    assert (resumed.steps, resumed.epochs) == (14, whole.epochs)
    assert read_facts(resumed.path)["weights_sha256"] == read_facts(whole.path)["weights_sha256"]
    log = (Path(resumed.path) / "log.txt").read_text()
    assert "Going on from step" in log
    assert "of 14." in log
    assert train(workspace, "resume=killed") == resumed  # a finished run gives its result again


def test_a_stop_request_leaves_an_encoder_and_a_way_on(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["cohort=phantom", *SMALL, "meters=false", "name=stopped"]
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "stop_requested", _stops_after(2))
        stopped = train(workspace, *words)
    assert (stopped.stopped, stopped.steps) == (True, 2)
    assert "Continue with: workbench pretrain resume=stopped" in stopped.summary()
    assert read_facts(stopped.path)["stopped_early"] is True
    assert load_encoder(stopped.path).name == "resnet18"
    finished = train(workspace, "resume=stopped")
    assert (finished.stopped, finished.steps) == (False, 2 * (finished.scans // 16))
    assert read_facts(finished.path)["stopped_early"] is False


def _stops_after(asks: int) -> Any:
    asked = []

    def stop_requested(run: RunFolder) -> bool:
        asked.append(run)
        run._stopped = len(asked) >= asks
        return run._stopped

    return stop_requested


def test_starting_from_an_earlier_run_reports_what_matched(workspace: Workspace) -> None:
    words = ["cohort=phantom", *SMALL, *MAE, "meters=false", "train.steps=1", "train.lr=1e-9"]
    first = train(workspace, *words, "name=from")
    second = train(workspace, *words, "name=to", "init_from=from", "seed=9")
    assert "Started from from: " in (Path(second.path) / "log.txt").read_text()
    ours, theirs = load_encoder(second.path), load_encoder(first.path)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    assert read_facts(second.path)["init_from"] == "from"


def test_a_share_of_the_patients_and_a_batch_larger_than_the_pool(workspace: Workspace) -> None:
    result = train(workspace, "cohort=phantom", *SMALL, "pool_share=0.3", "batch_size=64", "meters=false", "name=share")
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    assert 5 <= result.scans < 0.6 * len(cohort.pool())
    assert result.steps == 2
    assert f"batches hold {result.scans} scans" in (Path(result.path) / "log.txt").read_text()


def test_mlflow_gets_figures_and_encoder_but_no_pictures(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "on")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workspace.mlflow_database}")
    words = ["cohort=phantom", *SMALL, "meters=false", "train.steps=2"]
    train(workspace, *words, "name=quiet")
    train(workspace, *words, "name=shown", "log_pictures=true")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=workspace.mlflow_uri)
    experiment = client.get_experiment_by_name("pretrain/phantom")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    for name, pictures in (("quiet", []), ("shown", ["pictures/end.png", "pictures/start.png"])):
        run = runs[name]
        assert {"loss", "images_per_s", "rank_me", "seconds"} <= set(run.data.metrics)
        assert run.data.tags["method"] == "simclr"
        assert run.data.tags["pool_digest"] == run.data.tags["dataset.pool"]
        found = [item.path for item in client.list_artifacts(run.info.run_id, "pictures")]
        assert sorted(found) == pictures
        assert run.outputs.model_outputs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No cohort is named.*cohort=NAME"),
        (["cohort=absent"], "There is no cohort 'absent'"),
        (["resume=absent"], "There is no pretrain run 'absent'"),
        (["cohort=phantom", "method=mae", "encoder=resnet18", *SMALL], "MAE hides patches"),
        (["cohort=phantom", "encoder=resnet19", *SMALL], "Did you mean 'resnet18'"),
        (["cohort=phantom", "method=mae", "size=30", "arguments.patch_size=8"], "do not tile images of 30 pixels"),
        (["cohort=phantom", "init_from=nowhere", *SMALL], "There is no run 'nowhere'"),
    ],
)
def test_mistakes_are_told(workspace: Workspace, words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(workspace, *words)


def test_a_gpu_asked_for_and_absent_leaves_no_run_behind(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    before = workspace.runs("pretrain")
    with pytest.raises(InputError, match="A GPU was asked for, but this machine has"):
        train(workspace, "cohort=phantom", "train.accelerator=gpu")
    assert workspace.runs("pretrain") == before


def test_a_run_goes_on_with_its_own_settings(workspace: Workspace) -> None:
    train(workspace, "cohort=phantom", *SMALL, "meters=false", "train.steps=1", "name=own")
    (workspace.runs_dir / "pretrain" / "own" / "result.json").unlink()
    with pytest.raises(InputError, match="epochs was given differently"):
        train(workspace, "resume=own", "epochs=9")
    status = RunFolder.open(workspace.runs_dir / "pretrain" / "own")._status
    status.state, status.pid = "running", os.getpid()
    import psutil

    status.process_started, status.heartbeat = psutil.Process().create_time(), time.time()
    status.write(workspace.runs_dir / "pretrain" / "own")
    with pytest.raises(InputError, match="The run 'own' is running"):
        train(workspace, "resume=own")


@pytest.mark.slow
def test_two_processes_train_together_and_make_one_run(workspace: Workspace) -> None:
    words = [
        "cohort=phantom",
        *SMALL,
        *MAE,
        "meters=false",
        "train.steps=3",
        "train.devices=2",
        "train.accelerator=cpu",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"}
    command = [sys.executable, "-m", "workbench.cli", "pretrain", *words, "name=two", "--json"]
    command += ["--workspace", str(workspace.root)]
    before = len(workspace.runs("pretrain"))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == 1
    assert json.loads(results[0])["steps"] == 3
    assert len(workspace.runs("pretrain")) == before + 1
    alone = train(workspace, *words[:-2], "name=alone")
    one, two = load_encoder(alone.path), load_encoder(workspace.runs_dir / "pretrain" / "two")
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        assert float((mine - other).abs().mean()) < 2e-3  # other masks in each process, the same data and start
