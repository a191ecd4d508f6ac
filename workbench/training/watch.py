"""What goes on around each batch: progress, the epoch's figures, checkpoints, stop requests, a loss gone wrong."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from workbench.errors import OperationFailed
from workbench.runs.folder import RunFolder
from workbench.runs.tracking import Tracker
from workbench.training.lightning import lightning
from workbench.training.module import TrainedModule
from workbench.training.resume import save_checkpoint
from workbench.training.stream import Batch

TELL_EVERY_S = 0.5


class Watch(lightning.Callback):
    """Lightning's callback with everything that is not the step itself.

    Args:
        run: Told of progress and epochs; asked for stop requests.
        tracker: Given the figures of each epoch.
        on_epoch: Called with the epoch and its figures.
        checkpoint: Where checkpoints go; None writes none.
        every_s: Seconds between checkpoints.
    """

    def __init__(
        self,
        run: RunFolder | None,
        tracker: Tracker | None,
        on_epoch: Callable[[int, dict[str, Any]], None] | None,
        checkpoint: Path | None,
        every_s: float,
    ) -> None:
        self.run, self.tracker, self.on_epoch = run, tracker, on_epoch
        self.checkpoint, self.every_s = checkpoint, every_s
        self.stopped = False
        self.scans = 0
        self.meters_s = 0.0
        self.began = self.epoch_began = self.saved = time.monotonic()
        self._told = 0.0
        self._epoch_scans = 0
        self._epoch_meters_s = 0.0
        self._interrupted = False
        self._on_term = signal.getsignal(signal.SIGTERM) if _in_main_thread() else None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """The clocks begin when the first batch is asked for; SIGTERM is the run's again, to save before it stops."""
        if self._on_term is not None:
            signal.signal(signal.SIGTERM, self._on_term)
        self.began = self.epoch_began = self.saved = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """After each batch: count, report, and decide whether to save or to stop.

        Raises:
            OperationFailed: The loss is not finite, or a checkpoint cannot be written.
        """
        module: TrainedModule = pl_module  # pyright: ignore[reportAssignmentType]
        self.scans += batch.scans
        self._epoch_scans += batch.scans
        now = time.monotonic()
        last = module.batches_done == module.stream.batches
        if batch.ends_epoch or last:
            self._check(module)
            self._end_epoch(trainer, module, batch)
        elif now - self._told >= TELL_EVERY_S:
            self._check(module)
            self._tell(module, batch)
        if trainer.global_step == module.batches_done or not module.batches_done % module.settings.accumulate or last:
            self._save_or_stop(trainer, module, last)

    def _save_or_stop(self, trainer: lightning.Trainer, module: TrainedModule, last: bool) -> None:
        stop = not last and (bool(self.run and self.run.stop_requested()) or self._interrupted)
        due = time.monotonic() - self.saved >= self.every_s
        if trainer.world_size > 1:
            stop, due = trainer.strategy.broadcast((stop, due))
        if self.checkpoint is not None and (stop or due or last):
            self._check(module)
            save_checkpoint(trainer, self.checkpoint)
            self.saved = time.monotonic()
        if stop:
            self.stopped = True
            trainer.should_stop = True

    def _check(self, module: TrainedModule) -> None:
        loss = module.means().get("loss", 0.0)
        if not math.isfinite(loss):
            settings = module.settings
            tried = module.trainer.optimizers[0].param_groups[0]["initial_lr"]
            hints = [f"a lower train.lr (it is {tried:g})"]
            hints += ["train.precision=fp32"] if module.precision_used.bf16 else []
            hints += ["train.clip=1"] if settings.clip == 0 else []
            hints += ["a longer train.warmup"] if settings.warmup < 0.2 else []
            raise OperationFailed(
                f"The loss is not finite ({loss}) at step {module.trainer.global_step}.",
                where=self.run.path if self.run else "",
                todo=f"Try {', '.join(hints)}; resume goes on from the last checkpoint, whose loss was finite.",
            )

    def _tell(self, module: TrainedModule, batch: Batch) -> None:
        self._told = time.monotonic()
        if self.run is None:
            return
        epochs = -(-module.stream.batches // len(module.stream.stream))
        self.run.progress(
            module.batches_done * module.settings.batch_size,
            module.stream.batches * module.settings.batch_size,
            "scans",
            epoch=f"{batch.epoch}/{epochs}",
            loss=round(module.means()["loss"], 4),
        )

    def _end_epoch(self, trainer: lightning.Trainer, module: TrainedModule, batch: Batch) -> None:
        self._tell(module, batch)
        seconds = time.monotonic() - self.epoch_began
        figures: dict[str, Any] = {
            "step": int(trainer.global_step),
            "epoch": batch.epoch,
            **module.means(),
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "images_per_s": self._epoch_scans / max(seconds, 1e-9),
        }
        if trainer.is_global_zero:
            began = time.monotonic()
            module.task.eval()
            with torch.no_grad():
                figures.update(module.task.on_epoch_end(batch.epoch))
            module.task.train()
            self.meters_s += time.monotonic() - began
        module.history.append(figures)
        if trainer.is_global_zero:
            if self.run is not None:
                self.run.event(**figures)
            if self.tracker is not None:
                numbers = {name: value for name, value in figures.items() if name not in ("step", "epoch")}
                self.tracker.metrics(numbers, step=batch.epoch)
            if self.on_epoch is not None:
                self.on_epoch(batch.epoch, figures)
        module.begin_epoch()
        self._epoch_scans, self.epoch_began = 0, time.monotonic()

    def take_interrupts(self) -> Callable[[], None]:
        """From now on the first Ctrl-C saves and stops, the second breaks off; returns what undoes it."""
        if self.checkpoint is None or not _in_main_thread():
            return lambda: None
        before = signal.getsignal(signal.SIGINT)

        def handle(number: int, frame: FrameType | None) -> None:
            if self._interrupted:
                raise SystemExit(130)
            self._interrupted = True
            if self.run is not None:
                self.run.log("Stopping after this step; press Ctrl-C again to break off.")
                self.run.request_stop()

        signal.signal(signal.SIGINT, handle)
        return lambda: (signal.signal(signal.SIGINT, before), None)[1]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
