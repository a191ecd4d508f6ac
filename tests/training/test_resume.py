"""A run killed at any moment and resumed equals an uninterrupted one, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.training.toy import ToyStream, ToyTask, open_run
from workbench.errors import InputError, OperationFailed
from workbench.training import TrainSettings, fit
from workbench.training.resume import (
    check_identity,
    checkpoint_file,
    drop_events_after,
    read_checkpoint,
    save_checkpoint,
)

ROOT = Path(__file__).resolve().parents[2]


def script(folder: Path, precision: str, kill_after: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.training.toy", str(folder), precision, str(kill_after)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@pytest.mark.parametrize(("precision", "kills"), [("bf16", (6, 19)), ("fp32", (9,))])
def test_killed_within_epochs_and_resumed_equals_uninterrupted(
    tmp_path: Path, precision: str, kills: tuple[int, ...]
) -> None:
    torch.set_num_threads(1)
    settings = TrainSettings(epochs=3, batch_size=8, precision=precision, channels_last="off")  # pyright: ignore
    whole = ToyTask()
    result = fit(whole, ToyStream(), settings, checkpoints=False)
    for kill_after in kills:
        assert script(tmp_path, precision, kill_after).returncode == -9
    ended = script(tmp_path, precision, 0)
    assert ended.stdout.strip() == whole.digest(), ended.stderr
    run = open_run(tmp_path)
    assert run.status().state == "finished"
    events = run.events()
    assert [event["step"] for event in events] == [8, 16, 24]
    assert [event["loss"] for event in events] == [event["loss"] for event in result.history]
    assert f"Going on from step {kills[-1] - 1} of 24." in (run.path / "log.txt").read_text()


@pytest.mark.parametrize("stop_at", [8, 11, 16])
def test_stopped_at_the_end_of_an_epoch_or_within_one(tmp_path: Path, stop_at: int) -> None:
    settings = TrainSettings(epochs=3, batch_size=8, precision="fp32", channels_last="off", accumulate=1)
    whole, stream = ToyTask(), ToyStream()
    fit(whole, stream, settings, checkpoints=False)

    class Stops(ToyTask):
        def on_step_end(self, step: int) -> None:
            super().on_step_end(step)
            if step == stop_at:
                run.request_stop()

    with open_run(tmp_path) as run:
        first = fit(Stops(), ToyStream(), settings, run=run)
    assert (first.stopped, first.steps, run.status().state) == (True, stop_at, "stopped")
    rest, rest_stream = ToyTask(), ToyStream()
    with open_run(tmp_path) as run:
        second = fit(rest, rest_stream, settings, run=run, resume=True)
    assert (second.stopped, second.steps, run.status().state) == (False, 24, "finished")
    assert rest.digest() == whole.digest()
    assert rest_stream.seen == stream.seen[stop_at * 8 :]
    assert rest.draws == whole.draws[stop_at:]


def test_resume_with_accumulated_gradients(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=3, batch_size=8, precision="fp32", channels_last="off", accumulate=3)
    whole = ToyTask()
    assert fit(whole, ToyStream(), settings, checkpoints=False).steps == 8
    for _ in range(9):
        with open_run(tmp_path) as run:
            run.request_stop()
            task = ToyTask()
            fit(task, ToyStream(), settings, run=run, resume=True)
    assert task.digest() == whole.digest()


@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_resume_with_a_rate_that_falls_in_steps(tmp_path: Path, warmup: float) -> None:
    settings = TrainSettings(
        epochs=3, batch_size=8, precision="fp32", channels_last="off", schedule="steps", warmup=warmup
    )  # pyright: ignore[reportArgumentType]
    whole = ToyTask()
    expected = fit(whole, ToyStream(), settings, checkpoints=False).history

    class Stops(ToyTask):
        def on_step_end(self, step: int) -> None:
            super().on_step_end(step)
            if step in (3, 12, 20):  # in the warm-up, at a milestone, after both
                run.request_stop()

    for _ in range(4):
        with open_run(tmp_path) as run:
            task = Stops()
            ended = fit(task, ToyStream(), settings, run=run, resume=True)
    assert ended.steps == 24
    assert [epoch["lr"] for epoch in ended.history] == [epoch["lr"] for epoch in expected]
    assert expected[0]["lr"] / expected[2]["lr"] == pytest.approx(100)
    assert task.digest() == whole.digest()


def test_a_finished_run_resumed_stays_as_it_is(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=1, batch_size=8, precision="fp32", channels_last="off")
    task, again = ToyTask(), ToyTask()
    with open_run(tmp_path) as run:
        fit(task, ToyStream(), settings, run=run)
    with open_run(tmp_path) as run:
        result = fit(again, ToyStream(), settings, run=run, resume=True)
    assert again.digest() == task.digest()
    assert (result.steps, again.draws) == (8, [])


def test_resume_without_a_checkpoint_begins_anew_and_says_so(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=1, batch_size=8, precision="fp32", channels_last="off")
    with open_run(tmp_path) as run:
        run.event(step=8, epoch=1, loss=9.0)
        fit(ToyTask(), ToyStream(), settings, run=run, resume=True)
    assert len(run.events()) == 1
    assert run.events()[0]["loss"] != 9.0
    assert "begins anew" in (run.path / "log.txt").read_text()


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=1, batch_size=8, precision="fp32", channels_last="off")
    with open_run(tmp_path) as run:
        fit(ToyTask(), ToyStream(), settings, run=run)
    other = settings.model_copy(update={"seed": 5})
    with pytest.raises(InputError, match="seed was 0, is 5"), open_run(tmp_path) as run:
        fit(ToyTask(), ToyStream(), other, run=run, resume=True)


def test_identity_names_each_difference() -> None:
    check_identity({"seed": 1, "steps": 2, "old": 3}, {"seed": 1, "steps": 2}, Path("x"))
    with pytest.raises(InputError, match="steps was 2, is 4; world was None, is 1"):
        check_identity({"seed": 1, "steps": 2}, {"seed": 1, "steps": 4, "world": 1}, Path("x"))


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    file.write_bytes(b"half a checkpoint")
    with pytest.raises(OperationFailed, match="cannot be read"):
        read_checkpoint(file)


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    file = checkpoint_file(tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"before")

    def full(path: Path) -> None:
        path.write_bytes(b"hal")
        raise OSError(28, "No space left on device")

    with pytest.raises(OperationFailed, match=r"No space left on device.*kept.*Free some disk space"):
        save_checkpoint(SimpleNamespace(is_global_zero=True, save_checkpoint=full), file)
    assert file.read_bytes() == b"before"
    assert list(file.parent.iterdir()) == [file]


def test_events_beyond_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    for step in (8, 16, 24):
        run.event(step=step, epoch=step // 8)
    drop_events_after(run, 16)
    assert [json.loads(line)["step"] for line in (run.path / "metrics.jsonl").read_text().splitlines()] == [8, 16]
