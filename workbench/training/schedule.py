"""The learning rate over a run: linear warm-up, then a cosine (Loshchilov & Hutter 2017, SGDR)."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from workbench.training.settings import LoopSettings


def warmup_cosine(optimizer: Optimizer, settings: LoopSettings, steps: int) -> Any:
    """A scheduler to be stepped after every optimiser step; every parameter group keeps its own peak.

    Args:
        optimizer: Its groups hold the peak learning rates.
        settings: ``warmup`` and ``final_lr`` are read.
        steps: Optimiser steps of the whole run.

    Returns:
        lightly's ``CosineWarmupScheduler``, which counts the calls of its ``step``.
    """
    from lightly.utils.scheduler import CosineWarmupScheduler

    return CosineWarmupScheduler(
        optimizer,
        warmup_epochs=min(round(settings.warmup * steps), max(steps - 1, 0)),
        max_epochs=steps,
        end_value=settings.final_lr,
    )
