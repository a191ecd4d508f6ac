"""A small task and stream for the tests of the loop; run as a script it trains and may be killed."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.config import Settings
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.training import TrainingTask, TrainSettings, fit


class ToyStream:
    """Sixty-four images of 8 pixels in batches of 8: eight batches per epoch, in an order given by seed and epoch."""

    def __init__(self, scans: int = 64, batch_size: int = 8, seed: int = 0) -> None:
        self.batch_size, self.seed, self.epoch, self.place = batch_size, seed, 0, 0
        self.images = torch.rand(scans, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        self.seen: list[int] = []

    def __len__(self) -> int:
        return len(self.images) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.images))
        while self.place < len(self):
            positions = order[self.place * self.batch_size : (self.place + 1) * self.batch_size]
            self.place += 1
            self.seen += positions.tolist()
            yield positions, self.images[positions]
        self.epoch, self.place = self.epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.place = state["epoch"], state["place"]


class ToyTask(TrainingTask):
    """Learns the mean brightness, through noise from the step's generator, batch norm and dropout."""

    def __init__(self, kill_after: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.net = nn.Sequential(
                nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 1)
            )
        self.kill_after = kill_after
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self.draws: list[float] = []

    def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
        noise = torch.randn(batch.shape, generator=generator)
        self.draws.append(float(noise.sum()))
        error = self.net(batch + 0.1 * noise).squeeze(1).float() - batch.mean((1, 2, 3))
        return {"loss": error.square().mean(), "bias": error.mean()}

    def on_step_end(self, step: int) -> None:
        self.steps.append(step)
        if step == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_epoch_end(self, epoch: int) -> dict[str, float]:
        self.epochs.append(epoch)
        assert not self.training
        assert not torch.is_grad_enabled()
        return {"meter": float(epoch)}

    def digest(self) -> str:
        """A hash of all weights and running statistics."""
        state = hashlib.sha256()
        for name, value in self.state_dict().items():
            state.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
        return state.hexdigest()


class ToySettings(Settings):
    """Of a run folder in tests."""


def open_run(root: Path, name: str = "toy") -> RunFolder:
    """The run folder of that name, made at first."""
    path = root / "runs" / "toy" / name
    if path.exists():
        return RunFolder.open(path, quiet=True)
    return RunFolder.create(Workspace(root), "toy", ToySettings(), name, quiet=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    precision, kill_after = sys.argv[2], int(sys.argv[3])
    settings = TrainSettings(epochs=3, batch_size=8, precision=precision, channels_last="off", checkpoint_every_s=1e-9)
    task = ToyTask(kill_after)
    with open_run(Path(sys.argv[1])) as run:
        fit(task, ToyStream(), settings, run=run, resume=True)
    print(task.digest())
