"""How to train: everything about the loop that is not about the method."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from workbench.config import Settings


class LoopSettings(Settings):
    """How the loop runs; verbs nest it as ``train.*`` beside their own ``epochs``, ``batch_size`` and ``seed``."""

    steps: int = Field(default=0, ge=0, description="Optimiser steps; 0 goes by epochs.")
    lr: float | None = Field(
        default=None, gt=0, description="Peak learning rate; the method's own for its optimiser when not given."
    )
    optimizer: Literal["adamw", "lars", "sgd"] = Field(
        default="adamw",
        description="AdamW (Loshchilov & Hutter 2019), LARS (You et al. 2017, for batches over 1,000) or SGD.",
    )
    weight_decay: float | None = Field(
        default=None, ge=0, description="Decay of weight matrices; the method's own when not given."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of SGD and LARS.")
    beta2: float | None = Field(
        default=None, gt=0, lt=1, description="AdamW's second moment decay; the method's own when not given."
    )
    warmup: float = Field(
        default=0.1, ge=0, lt=1, description="Share of all steps over which the learning rate rises linearly."
    )
    schedule: Literal["cosine", "steps"] = Field(
        default="cosine", description="After warm-up the learning rate falls along a cosine, or in steps."
    )
    milestones: list[float] = Field(
        default=[0.5, 0.75],
        description="Schedule steps: the shares of all steps after which the learning rate is multiplied by gamma.",
    )
    gamma: float = Field(default=0.1, gt=0, le=1, description="Schedule steps: the factor at each milestone.")
    final_lr: float = Field(
        default=0.001, ge=0, le=1, description="Where the cosine ends, as a share of the peak learning rate."
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="Number format; auto takes bf16 where it was measured faster on this machine."
    )
    channels_last: Literal["auto"] | bool = Field(
        default="auto", description="Memory layout of CNNs; auto takes the one measured faster on this machine."
    )
    accumulate: int = Field(default=1, ge=1, description="Batches whose gradients are summed into one step.")
    clip: float = Field(default=1.0, ge=0, description="Largest norm of the gradient; 0 leaves it as it is.")
    devices: int = Field(default=1, ge=1, description="Devices (GPUs, or processes on the CPU) per machine.")
    num_nodes: int = Field(default=1, ge=1, description="Machines.")
    accelerator: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="Where to train.")
    threads: int = Field(default=0, ge=0, description="CPU threads of torch; 0 leaves torch's own choice.")
    checkpoint_every_s: float = Field(default=120.0, gt=0, description="Seconds between checkpoints.")

    @field_validator("milestones")
    @classmethod
    def _shares(cls, milestones: list[float]) -> list[float]:
        if sorted(set(milestones)) != milestones or any(not 0 < share < 1 for share in milestones):
            raise ValueError("milestones are shares of all steps between 0 and 1, in rising order")
        return milestones


class TrainSettings(LoopSettings):
    """How and how much to train, as :func:`workbench.training.fit` takes it."""

    epochs: int = Field(default=100, ge=1, description="Passes over the data; not used when ``steps`` is given.")
    batch_size: int = Field(default=128, ge=1, description="Scans per batch, over all devices.")
    seed: int = Field(default=0, description="Seed of order, augmentation, dropout and masks.")
