from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.training.toy import ToyStream, ToyTask, open_run
from workbench.training import TrainSettings, fit


class Signals(ToyTask):
    """Sends itself a signal after the fifth step."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def on_step_end(self, step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(tmp_path: Path, number: int) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    settings = TrainSettings(epochs=3, batch_size=8, precision="fp32", channels_last="off")
    with open_run(tmp_path) as run:
        result = fit(Signals(number), ToyStream(), settings, run=run)
    assert (result.stopped, result.steps) == (True, 5)
    assert run.status().state == "stopped"
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before
    rest, whole = ToyTask(), ToyTask()
    fit(whole, ToyStream(), settings)
    with open_run(tmp_path) as run:
        fit(rest, ToyStream(), settings, run=run, resume=True)
    assert rest.digest() == whole.digest()


def test_ctrl_c_where_nothing_is_saved_breaks_off_as_ctrl_c(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    settings = TrainSettings(epochs=3, batch_size=8, precision="fp32", channels_last="off")
    with pytest.raises(KeyboardInterrupt), open_run(tmp_path) as run:
        fit(Signals(signal.SIGINT), ToyStream(), settings, run=run, checkpoints=False)
    assert run.status().state == "stopped" and run.status().message == "Interrupted from the keyboard."
    assert signal.getsignal(signal.SIGINT) == before


def test_checkpoints_come_when_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        "workbench.training.watch.save_checkpoint", lambda trainer, file: written.append(trainer.global_step)
    )
    settings = TrainSettings(steps=6, batch_size=8, precision="fp32", channels_last="off")
    for every_s, expected in ((1e-9, [1, 2, 3, 4, 5, 6]), (1e9, [6])):
        written.clear()
        with open_run(tmp_path) as run:
            fit(ToyTask(), ToyStream(), settings.model_copy(update={"checkpoint_every_s": every_s}), run=run)
        assert written == expected


def test_with_accumulation_checkpoints_come_between_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        "workbench.training.watch.save_checkpoint", lambda trainer, file: written.append(trainer.global_step)
    )
    settings = TrainSettings(
        steps=3, batch_size=8, precision="fp32", channels_last="off", accumulate=2, checkpoint_every_s=1e-9
    )
    with open_run(tmp_path) as run:
        fit(ToyTask(), ToyStream(), settings, run=run)
    assert written == [1, 2, 3]
