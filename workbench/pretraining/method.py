"""What all pretraining methods share: an encoder inside, meters after epochs, pictures to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from workbench.models.torchvision_ops import declare
from workbench.training.task import TrainingTask

declare()  # before lightly and timm import torchvision


class PretrainingTask(TrainingTask):
    """The base of SimCLR and MAE.

    Args:
        encoder: A :class:`workbench.models.encoders.Encoder`; it is what pretraining is for.
        augment: Random views, ``augment(images (N, C, H, W), generator=...)``.

    Attributes:
        meters: Called after each epoch with the epoch; returns figures by name.
    """

    def __init__(self, encoder: nn.Module, augment: Callable[..., Tensor]) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.kind = "vit" if self.encoder.is_vit else "cnn"
        self._augment = augment
        self.meters: Callable[[int], dict[str, float]] | None = None

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Random views of a whole batch at once, in float32 whatever the step's precision; no gradient."""
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return self._augment(images, generator=generator)

    def pictures(self, images: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Columns of a contact sheet, each ``(N, C, H, W)`` in [0, 1]: images, then what the method makes of them."""
        raise NotImplementedError

    def on_epoch_end(self, epoch: int) -> dict[str, float]:
        """The meters' figures."""
        return self.meters(epoch) if self.meters else {}
