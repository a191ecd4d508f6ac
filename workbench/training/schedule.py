"""The learning rate over a run: linear warm-up, then a cosine (Loshchilov & Hutter 2017, SGDR) or steps."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, LinearLR, MultiStepLR

from workbench.training.settings import LoopSettings


def build_schedule(optimizer: Optimizer, settings: LoopSettings, steps: int) -> Any:
    """The scheduler that ``settings.schedule`` names; arguments as for each of them."""
    made = {"cosine": warmup_cosine, "steps": warmup_steps}[settings.schedule]
    return made(optimizer, settings, steps)


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


def warmup_steps(optimizer: Optimizer, settings: LoopSettings, steps: int) -> Any:
    """A scheduler to be stepped after every optimiser step, which multiplies the rates by ``gamma`` at milestones.

    Args:
        optimizer: Its groups hold the peak learning rates.
        settings: ``warmup``, ``milestones`` and ``gamma`` are read.
        steps: Optimiser steps of the whole run.

    Returns:
        PyTorch's ``MultiStepLR``, chained behind its ``LinearLR`` where there is a warm-up.
    """
    falling = MultiStepLR(optimizer, [round(share * steps) for share in settings.milestones], settings.gamma)
    warmup = min(round(settings.warmup * steps), max(steps - 1, 0))
    if warmup < 2:  # the first step of a warm-up of one is at the peak already
        return falling
    return ChainedScheduler([LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1), falling])
