"""The loop: a task, a stream of batches and settings in; a trained task out."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from workbench.errors import InputError
from workbench.runs.folder import RunFolder
from workbench.runs.tracking import Tracker
from workbench.training.devices import choose_accelerator, is_main_process
from workbench.training.lightning import lightning
from workbench.training.module import TrainedModule
from workbench.training.precision import Precision, choose_precision
from workbench.training.resume import check_identity, checkpoint_file, drop_events_after, read_checkpoint
from workbench.training.settings import TrainSettings
from workbench.training.stream import RunStream, Stream
from workbench.training.task import TrainingTask
from workbench.training.watch import Watch


@dataclass(frozen=True)
class FitResult:
    """What a training came to.

    Attributes:
        steps: Optimiser steps done, those before a resume included.
        epochs: Passes over the data begun.
        seconds: Wall-clock seconds of this call.
        images_per_s: Scans trained on per second of this call, meters not counted.
        wait_share: Share of that time spent waiting for data.
        history: One mapping per epoch: ``step, epoch, loss, lr, images_per_s`` and the task's figures.
        stopped: Whether a stop request ended it early; a checkpoint was written.
        precision, channels_last, device: What it was trained with.
    """

    steps: int
    epochs: int
    seconds: float
    images_per_s: float
    wait_share: float
    history: list[dict[str, Any]] = field(repr=False)
    stopped: bool = False
    precision: str = "fp32"
    channels_last: bool = False
    device: str = "cpu"


def fit(
    task: TrainingTask,
    stream: Stream,
    settings: TrainSettings,
    *,
    run: RunFolder | None = None,
    tracker: Tracker | None = None,
    resume: bool = False,
    checkpoints: bool = True,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, dict[str, Any]], None] | None = None,
) -> FitResult:
    """Train a task; afterwards it lies on the CPU in eval mode.

    Args:
        task: Trained in place.
        stream: Batches of ``(positions, images (N, C, H, W) float32 in [0, 1])``, one epoch per iteration.
        settings: How, and how long: ``steps`` optimiser steps, or ``epochs`` passes where that is 0.
        run: Gets progress and one event per epoch, holds the checkpoint, tells of stop requests.
        tracker: Gets the figures of each epoch.
        resume: Go on from the checkpoint, if there is one.
        checkpoints: Whether to write any (into the run's folder).
        checkpoint: Where, when not in the run's folder; needed by the further processes of a multi-GPU run.
        on_epoch: Called after each epoch with its number and figures.

    Raises:
        InputError: A GPU was asked for and is absent; the stream is empty; the checkpoint belongs to another run.
        OperationFailed: The loss is no longer finite; a checkpoint cannot be written or read.
    """
    began = time.monotonic()
    device = choose_accelerator(settings)
    world = settings.devices * settings.num_nodes
    if settings.batch_size % world:
        raise InputError(
            f"A batch of {settings.batch_size} scans cannot be shared evenly by {world} devices.",
            where="batch_size",
            todo=f"Use a batch_size that {world} divides.",
        )
    file = (checkpoint or (checkpoint_file(run.path) if run else None)) if checkpoints else None
    saved = read_checkpoint(file) if resume and file is not None and file.exists() else None
    batches, steps = planned(len(stream), settings)
    identity = {
        "seed": settings.seed,
        "steps": steps,
        "batches": batches,
        "batch_size": settings.batch_size,
        "accumulate": settings.accumulate,
        "optimizer": settings.optimizer,
        "world": world,
    }
    threads = saved["threads"] if saved else settings.threads
    if saved and file is not None:
        check_identity(saved["identity"], identity, file)
        if run is not None:
            run.log(f"Going on from step {saved['step']:,} of {steps:,}.")
            drop_events_after(run, saved["step"])
    elif resume and run is not None:
        run.log("There is no checkpoint yet; the run begins anew.")
        drop_events_after(run, 0)

    with _surroundings(threads):
        if saved:
            precision = Precision(saved["precision"] == "bf16", saved["channels_last"])
        else:
            precision = choose_precision(settings, task.kind, device)
        if precision.channels_last:
            task.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        rank = _rank(settings)
        batch_stream = RunStream(stream, batches, rank=rank, world=world)
        module = TrainedModule(task, settings, steps, batch_stream, precision, identity)
        watch = Watch(run if rank == 0 else None, tracker, on_epoch, file, settings.checkpoint_every_s)
        if saved:
            module.take_up(saved)
        trainer = _trainer(settings, device, steps, precision, watch, task.kind)
        undo, on_interrupt = watch.take_interrupts(), signal.getsignal(signal.SIGINT)
        task.train()
        try:
            trainer.fit(module, batch_stream, ckpt_path=str(file) if saved else None, weights_only=True)
        except SystemExit as end:
            # Lightning makes an exit of Ctrl-C and goes deaf to it; to the caller it shall be what it was.
            if not isinstance(end.__context__, KeyboardInterrupt):
                raise
            signal.signal(signal.SIGINT, on_interrupt)
            raise KeyboardInterrupt from None
        finally:
            undo()
            task.cpu().eval()
    done = int(trainer.global_step)
    spent = time.monotonic() - watch.began - watch.meters_s
    return FitResult(
        steps=done,
        epochs=-(-module.batches_done // len(stream)),
        seconds=time.monotonic() - began,
        images_per_s=watch.scans / max(spent, 1e-9),
        wait_share=min(1.0, batch_stream.waited_s / max(spent, 1e-9)),
        history=module.history,
        stopped=watch.stopped,
        precision=precision.name,
        channels_last=precision.channels_last,
        device=device,
    )


def planned(batches_per_epoch: int, settings: TrainSettings) -> tuple[int, int]:
    """Batches and optimiser steps of a whole run; gradients are summed over the borders of epochs, too."""
    if settings.steps:
        return settings.steps * settings.accumulate, settings.steps
    batches = batches_per_epoch * settings.epochs
    return batches, math.ceil(batches / settings.accumulate)


def _trainer(
    settings: TrainSettings, device: str, steps: int, precision: Precision, watch: Watch, kind: str
) -> lightning.Trainer:
    several = settings.devices * settings.num_nodes > 1
    return lightning.Trainer(
        accelerator=device,
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        strategy="ddp" if several else "auto",
        sync_batchnorm=several and device == "cuda" and kind == "cnn",
        precision=precision.lightning,  # pyright: ignore[reportArgumentType]
        max_steps=steps,
        max_epochs=1,  # the run's stream holds all epochs, so Lightning sees one
        accumulate_grad_batches=settings.accumulate,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        benchmark=device == "cuda",
    )


def _rank(settings: TrainSettings) -> int:
    if settings.devices * settings.num_nodes == 1 or is_main_process():
        return 0
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    return int(os.environ.get("NODE_RANK", "0")) * settings.devices + int(os.environ.get("LOCAL_RANK", "0"))


@contextlib.contextmanager
def _surroundings(threads: int) -> Iterator[None]:
    """Threads and random numbers as the run wants them, and as they were before, afterwards; Lightning is silent."""
    before = torch.get_num_threads()
    logs = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    if threads:
        torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(before)
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
