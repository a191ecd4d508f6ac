"""SimCLR: two random views of a scan attract each other and repel those of all other scans in the batch.

Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
Loss and projection head are lightly's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.config import Settings
from workbench.pretraining.method import PretrainingTask


class SimclrSettings(Settings):
    """SimCLR's own constants."""

    temperature: float = Field(
        default=0.2,
        gt=0,
        description="Softmax temperature of NT-Xent. 0.2 as MoCo-CXR (Sowrirajan et al. 2021) on radiographs; "
        "the paper has 0.1 for ImageNet and 0.5 for small images and short runs.",
    )
    projection_hidden: int = Field(
        default=512, ge=1, description="Units of the projection head's hidden layer (the paper: the features' number)."
    )
    projection_dim: int = Field(default=128, ge=2, description="Dimensions in which views are compared (the paper's).")
    projection_layers: int = Field(
        default=2, ge=2, le=4, description="Layers of the projection head: 2 in SimCLR, 3 in SimCLR v2."
    )


class Simclr(PretrainingTask):
    """The training task.

    Both views of a batch go through the encoder in one forward, so that batch normalisation sees them together. Under
    several devices every device's views are the others' negatives.

    Args:
        encoder: ``(N, C, H, W)`` in [0, 1] to ``(N, D)``.
        augment: Random views of a batch.
        settings: The constants.
        gather: Take negatives from all devices.
    """

    default_lr = 1e-3  # AdamW, batches of 128 to 512
    default_lr_sgd = 0.03  # 0.06 per 256 scans (SimSiam, Chen & He 2021, with its batches of small images)
    default_lr_lars = 0.3  # 0.3 per 256 scans (SimCLR, appendix B.6)
    default_weight_decay = 1e-4  # SimCLR's 1e-6 is for LARS at 4,096; 1e-4 as MoCo (He et al. 2020)

    def __init__(
        self,
        encoder: nn.Module,
        augment: Callable[..., Tensor],
        settings: SimclrSettings | None = None,
        *,
        gather: bool = False,
    ) -> None:
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        super().__init__(encoder, augment)
        self.settings = settings or SimclrSettings()
        self.head = SimCLRProjectionHead(
            self.encoder.feature_dim,
            self.settings.projection_hidden,
            self.settings.projection_dim,
            num_layers=self.settings.projection_layers,
        )
        self.loss = NTXentLoss(temperature=self.settings.temperature, gather_distributed=gather)

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Two random views of every image, ``(2 N, C, H, W)``: first all first views, then all second ones."""
        return self.augment(torch.cat([images, images]), generator)

    def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
        """NT-Xent over the batch, computed in float32."""
        first, second = self.head(self.encoder(self.views(batch, generator))).chunk(2)
        with torch.autocast(batch.device.type, enabled=False):
            return {"loss": self.loss(first.float(), second.float())}

    def pictures(self, images: Tensor, generator: torch.Generator) -> list[Tensor]:
        """The scans and two views of each."""
        return [images, *self.views(images, generator).chunk(2)]
