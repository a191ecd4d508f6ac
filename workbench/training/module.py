"""The task as Lightning sees it."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from workbench.runs.seeds import mix
from workbench.training.lightning import lightning
from workbench.training.optimizer import build_optimizer
from workbench.training.precision import Precision
from workbench.training.resume import OWN
from workbench.training.schedule import build_schedule
from workbench.training.settings import TrainSettings
from workbench.training.stream import Batch, RunStream
from workbench.training.task import TrainingTask


class TrainedModule(lightning.LightningModule):
    """Passes Lightning's calls on to the task, with the random numbers of each step seeded by its number.

    Args:
        task: What is trained.
        settings: How.
        steps: Optimiser steps of the whole run.
        stream: The run's batches; its place goes into checkpoints.
        precision: Number format and layout.
        identity: What a resumed run must share, kept in checkpoints.
    """

    def __init__(
        self,
        task: TrainingTask,
        settings: TrainSettings,
        steps: int,
        stream: RunStream,
        precision: Precision,
        identity: dict[str, Any],
    ) -> None:
        super().__init__()
        self.task = task
        self.settings, self.steps, self.stream = settings, steps, stream
        self.precision_used, self.identity = precision, identity
        self.batches_done = 0
        self.sums: dict[str, Tensor] = {}
        self.summed = 0
        self.history: list[dict[str, Any]] = []
        self._generator: torch.Generator | None = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch: forward, loss; the loss and what else the task reports go into the epoch's sums."""
        seed = mix(self.settings.seed, "step", self.batches_done, self.stream.rank)
        torch.manual_seed(seed)
        if self._generator is None:
            self._generator = torch.Generator(device=batch.images.device)
        told = self.task.training_step(batch.images, batch.positions, generator=self._generator.manual_seed(seed))
        for name, value in told.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.summed += 1
        self.batches_done += 1
        return told["loss"]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move the images; positions stay where they are."""
        images = batch.images
        if device.type == "cuda":
            images = images.pin_memory().to(device, non_blocking=True)
        elif device.type != "cpu":
            images = images.to(device)
        if self.precision_used.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        batch.images = images
        return batch

    def configure_optimizers(self) -> Any:
        """The optimiser and its schedule, stepped after every optimiser step."""
        optimizer = build_optimizer(self.task, self.settings)
        scheduler = build_schedule(optimizer, self.settings, self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: Any, *arguments: Any, **named: Any) -> None:
        """Clip the norm over all parameters; done here because Lightning refuses to beside a fused optimiser."""
        if self.settings.clip:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip)

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Step, then let the task follow (moving averages)."""
        super().optimizer_step(*arguments, **named)
        self.task.on_step_end(self.trainer.global_step + 1)

    def means(self) -> dict[str, float]:
        """Means since the epoch began."""
        return {name: float(value) / self.summed for name, value in self.sums.items()} if self.summed else {}

    def begin_epoch(self) -> None:
        """Begin new sums."""
        self.sums, self.summed = {}, 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what resuming needs."""
        checkpoint[OWN] = {
            "identity": self.identity,
            "step": int(self.trainer.global_step),
            "batches": self.batches_done,
            "stream": self.stream.stream.state_dict(),
            "sums": {name: float(value) for name, value in self.sums.items()},
            "summed": self.summed,
            "history": self.history,
            "precision": self.precision_used.name,
            "channels_last": self.precision_used.channels_last,
            "threads": torch.get_num_threads(),
            "written": time.time(),
        }

    def take_up(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`on_save_checkpoint` wrote; weights and optimiser are Lightning's part."""
        self.batches_done, self.summed = saved["batches"], saved["summed"]
        self.sums = {name: torch.tensor(value, device=self.device) for name, value in saved["sums"].items()}
        self.history = list(saved["history"])
        self.stream.done = saved["batches"]
        self.stream.stream.load_state_dict(saved["stream"])
