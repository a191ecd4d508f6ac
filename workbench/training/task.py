"""What is trained: a module with a step, its parameters, and what it tells after each epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from workbench.training.settings import LoopSettings


class TrainingTask(nn.Module, ABC):
    """The base of everything that :func:`workbench.training.fit` trains.

    Class attributes:
        kind: ``"cnn"`` or ``"vit"``: decides which measurement of precision and memory layout applies.
        default_lr, default_lr_sgd, default_lr_lars: Peak learning rates by optimiser, where the settings give none.
        default_weight_decay, default_beta2: Used where the settings leave them open.
    """

    kind: str = "cnn"
    default_lr: float = 1e-3
    default_lr_sgd: float = 0.03
    default_lr_lars: float = 0.3
    default_weight_decay: float = 0.01
    default_beta2: float = 0.999
    no_decay_names: ClassVar[tuple[str, ...]] = ("pos_embed", "cls_token", "mask_token", "reg_token")

    @abstractmethod
    def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
        """One forward pass.

        Args:
            batch: Images ``(N, C, H, W)``, float32 in [0, 1], on the device that trains.
            positions: ``(N,)`` integers: where the images lie in the stream's set, to look up targets by.
            generator: Random numbers of this step, on the images' device; a function of the seed and the step, so a
                resumed run draws the same. The global generators are seeded alike, for dropout.

        Returns:
            ``"loss"``, a scalar with gradient, and further scalars to report as means per epoch.
        """

    def parameter_groups(self, settings: LoopSettings) -> list[dict[str, Any]]:
        """Parameters for the optimiser, as torch takes them.

        A group may hold ``lr`` and ``weight_decay`` of its own; elsewhere the settings' count. As given here, weights
        of two dimensions and more decay, while biases, norms, tokens and position embeddings do not (as MAE and
        ConvNeXt do it).
        """
        decayed, free = [], []
        for name, parameter in self.named_parameters():
            if not parameter.requires_grad:
                continue
            plain = parameter.ndim >= 2 and not name.endswith(self.no_decay_names)
            (decayed if plain else free).append(parameter)
        groups: list[dict[str, Any]] = [{"params": decayed}] if decayed else []
        return groups + ([{"params": free, "weight_decay": 0.0}] if free else [])

    def on_step_end(self, step: int) -> None:
        """Called after each optimiser step (the first is 1): moving averages and the like."""

    def on_epoch_end(self, epoch: int) -> dict[str, float]:
        """Figures to report after an epoch (the first is 1); called in eval mode without gradients, on rank 0."""
        return {}
