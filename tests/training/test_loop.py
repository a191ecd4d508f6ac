from __future__ import annotations

import logging
import math
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.toy import ToyStream, ToyTask, open_run
from workbench.errors import InputError, OperationFailed
from workbench.training import TrainSettings, fit
from workbench.training.loop import planned

PLAIN: dict[str, Any] = {"batch_size": 8, "precision": "fp32", "channels_last": "off"}


def test_it_learns_and_tells() -> None:
    task, told = ToyTask(), []
    settings = TrainSettings(epochs=12, lr=0.01, **PLAIN)
    result = fit(task, ToyStream(), settings, on_epoch=lambda epoch, figures: told.append((epoch, figures)))
    assert (result.steps, result.epochs, result.stopped) == (96, 12, False)
    assert (result.device, result.precision) == ("cpu", "fp32")
    assert task.steps == list(range(1, 97))
    assert task.epochs == [epoch for epoch, _ in told] == list(range(1, 13))
    assert [figures for _, figures in told] == result.history
    assert set(result.history[0]) == {"step", "epoch", "loss", "bias", "lr", "images_per_s", "meter"}
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    assert result.history[0]["meter"] == 1.0
    assert 0 < result.wait_share < 1
    assert not task.training


def test_the_epochs_loss_is_the_mean_over_its_batches() -> None:
    class Tells(ToyTask):
        def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
            told = super().training_step(batch, positions, generator=generator)
            losses.append(float(told["loss"]))
            return told

    losses: list[float] = []
    history = fit(Tells(), ToyStream(), TrainSettings(epochs=2, **PLAIN)).history
    assert history[1]["loss"] == pytest.approx(sum(losses[8:]) / 8, rel=1e-6)


def test_same_seed_same_bits_and_global_numbers_untouched() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    digests = []
    for seed in (0, 0, 1):
        task = ToyTask()
        fit(task, ToyStream(), TrainSettings(steps=5, seed=seed, **PLAIN))
        digests.append(task.digest())
    assert torch.rand(3).equal(expected)
    assert digests[0] == digests[1] != digests[2]


def test_steps_and_epochs() -> None:
    assert planned(8, TrainSettings(epochs=3)) == (24, 24)
    assert planned(8, TrainSettings(epochs=3, accumulate=5)) == (24, 5)
    assert planned(8, TrainSettings(steps=7, accumulate=2, epochs=99)) == (14, 7)
    task = ToyTask()
    result = fit(task, ToyStream(), TrainSettings(steps=11, **PLAIN))
    assert (result.steps, result.epochs, task.epochs) == (11, 2, [1, 2])


def test_accumulated_gradients_equal_a_larger_batch() -> None:
    class Plain(ToyTask):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))

        def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
            return {"loss": (self.net(batch).squeeze(1) - batch.mean((1, 2, 3))).square().mean()}

    one, four = Plain(), Plain()
    fit(one, ToyStream(batch_size=32), TrainSettings(epochs=2, clip=0, **{**PLAIN, "batch_size": 32}))
    fit(four, ToyStream(batch_size=8), TrainSettings(epochs=2, clip=0, accumulate=4, **PLAIN))
    for mine, theirs in zip(one.parameters(), four.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped() -> None:
    class Steep(ToyTask):
        def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
            told = super().training_step(batch, positions, generator=generator)
            return {"loss": 1e4 * told["loss"]}

        def on_step_end(self, step: int) -> None:
            norms.append(math.sqrt(sum(float(p.grad.square().sum()) for p in self.parameters() if p.grad is not None)))

    norms: list[float] = []
    fit(Steep(), ToyStream(), TrainSettings(steps=2, clip=0.5, **PLAIN))
    assert norms == pytest.approx([0.5, 0.5], rel=1e-3)
    norms.clear()
    fit(Steep(), ToyStream(), TrainSettings(steps=2, clip=0, **PLAIN))
    assert min(norms) > 10


@pytest.mark.parametrize("optimizer", ["sgd", "lars"])
def test_other_optimisers_train(optimizer: str) -> None:
    result = fit(ToyTask(), ToyStream(), TrainSettings(epochs=4, lr=0.05, optimizer=optimizer, **PLAIN))  # pyright: ignore
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_channels_last_and_bf16_come_from_the_settings() -> None:
    task = ToyTask()
    result = fit(task, ToyStream(), TrainSettings(steps=2, precision="bf16", channels_last="on", batch_size=8))
    assert (result.precision, result.channels_last) == ("bf16", True)
    weight = task.net[0].weight
    assert weight.dtype == torch.float32


def test_a_loss_gone_wrong_says_what_to_try(tmp_path: Path) -> None:
    class Breaks(ToyTask):
        def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
            loss = super().training_step(batch, positions, generator=generator)["loss"]
            return {"loss": loss * float("nan") if len(self.draws) == 12 else loss}

    settings = TrainSettings(epochs=3, batch_size=8, lr=0.5, clip=0, precision="bf16", channels_last="off")
    with pytest.raises(OperationFailed) as caught, open_run(tmp_path) as run:
        fit(Breaks(), ToyStream(), settings, run=run)
    words = str(caught.value)
    assert "The loss is not finite (nan) at step" in words
    for hint in ("a lower train.lr (it is 0.5)", "train.precision=fp32", "train.clip=1", "a longer train.warmup"):
        assert hint in words
    assert run.status().state == "failed"
    assert len(run.events()) == 1


def test_progress_and_events_reach_the_run_folder(tmp_path: Path) -> None:
    class Tracker:
        def metrics(self, values: dict[str, float], step: int = 0) -> None:
            tracked.append((step, set(values)))

    tracked: list[tuple[int, set[str]]] = []
    with open_run(tmp_path) as run:
        fit(ToyTask(), ToyStream(), TrainSettings(epochs=2, **PLAIN), run=run, tracker=Tracker())  # pyright: ignore
    status = run.status()
    assert (status.state, status.step, status.total, status.unit) == ("finished", 128, 128, "scans")
    assert status.numbers["epoch"] == "2/2"
    assert [(event["step"], event["epoch"]) for event in run.events()] == [(8, 1), (16, 2)]
    assert tracked == [(epoch, {"loss", "bias", "lr", "images_per_s", "meter"}) for epoch in (1, 2)]
    assert (run.path / "checkpoints" / "last.ckpt").exists()


def test_without_checkpoints_nothing_is_written(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        fit(ToyTask(), ToyStream(), TrainSettings(steps=2, **PLAIN), run=run, checkpoints=False)
    assert not (run.path / "checkpoints").exists()


def test_a_tiny_fit_starts_fast() -> None:
    settings = TrainSettings(steps=1, **PLAIN)
    fit(ToyTask(), ToyStream(), settings)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        fit(ToyTask(), ToyStream(), settings)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.3


def test_threads_warnings_and_logs_are_put_back() -> None:
    threads, level = torch.get_num_threads(), logging.getLogger("pytorch_lightning").level
    inside: list[int] = []

    class Looks(ToyTask):
        def on_step_end(self, step: int) -> None:
            inside.append(torch.get_num_threads())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(Looks(), ToyStream(), TrainSettings(steps=1, threads=2, **PLAIN))
    assert inside == [2]
    assert (torch.get_num_threads(), logging.getLogger("pytorch_lightning").level) == (threads, level)
    assert not caught


def test_a_gpu_asked_for_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match="A GPU was asked for"):
        fit(ToyTask(), ToyStream(), TrainSettings(steps=1, accelerator="gpu", **PLAIN))


def test_a_batch_that_devices_cannot_share() -> None:
    with pytest.raises(InputError, match="A batch of 8 scans cannot be shared evenly by 3 devices"):
        fit(ToyTask(), ToyStream(), TrainSettings(steps=1, devices=3, accelerator="cpu", **PLAIN))


def test_an_empty_stream() -> None:
    with pytest.raises(InputError, match="too few scans for one batch"):
        fit(ToyTask(), ToyStream(scans=4), TrainSettings(steps=1, **PLAIN))


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU on this machine")

    class OnGpu(ToyTask):
        def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
            assert batch.is_cuda
            assert generator.device.type == "cuda"
            return {"loss": self.net(batch).float().square().mean()}

    result = fit(OnGpu(), ToyStream(), TrainSettings(steps=4, batch_size=8))
    assert (result.device, result.steps) == ("cuda", 4)
