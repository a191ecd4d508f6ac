"""MAE: most patches of a scan are hidden, the encoder sees the rest, a light decoder paints the hidden ones.

He, Chen, Xie, Li, Dollar, Girshick: Masked Autoencoders Are Scalable Vision Learners, CVPR 2022. Masked encoder and
decoder blocks are lightly's and timm's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.config import Settings
from workbench.errors import InputError
from workbench.pretraining.method import PretrainingTask


class MaeSettings(Settings):
    """MAE's own constants."""

    mask_ratio: float = Field(
        default=0.75,
        gt=0,
        lt=1,
        description="Share of the patches hidden: 0.75 in the paper; 0.9 served radiographs at 224 px best "
        "(Xiao et al., Delving into Masked Autoencoders for Multi-Label Thorax Disease Classification, WACV 2023).",
    )
    decoder_depth: int = Field(
        default=2, ge=1, description="Blocks of the decoder; the paper's 8 are for long runs, its 1 serves as well."
    )
    decoder_dim: int = Field(default=128, ge=16, description="Width of the decoder (the paper: 512 beside ViT-L).")
    decoder_heads: int = Field(default=4, ge=1, description="Attention heads of the decoder.")
    normalise_targets: bool = Field(
        default=True, description="Predict each patch less its mean and over its standard deviation (the paper's best)."
    )


class Mae(PretrainingTask):
    """The training task.

    Args:
        encoder: One with a timm VisionTransformer as ``vit``.
        augment: One random view of a batch.
        settings: The constants.
        fresh: Give the ViT MAE's own initialisation (Xavier) and fixed sine-cosine positions; False keeps the
            weights that it holds, as a pretrained one must.

    Raises:
        InputError: The encoder is no ViT.
    """

    default_lr = 1e-3  # short runs (tens of epochs); the paper's 1.5e-4 per 256 scans is for 800 epochs and more
    default_weight_decay = 0.05  # the paper, table 8
    default_beta2 = 0.95  # the paper, table 8

    def __init__(
        self,
        encoder: nn.Module,
        augment: Callable[..., Tensor],
        settings: MaeSettings | None = None,
        *,
        fresh: bool = True,
    ) -> None:
        super().__init__(encoder, augment)
        if not self.encoder.is_vit:
            raise InputError(
                f"MAE hides patches, so it needs a vision transformer; '{self.encoder.name}' is none.",
                where="encoder",
                todo="Use encoder=vit_tiny, vit_small or vit_base, or method=simclr.",
            )
        from lightly.models.modules import MaskedVisionTransformerTIMM
        from lightly.models.modules.masked_vision_transformer_decoder_timm import MaskedVisionTransformerDecoderTIMM

        self.settings = settings or MaeSettings()
        vit = self.encoder.vit
        self.masked = MaskedVisionTransformerTIMM(
            vit=vit,
            weight_initialization="" if fresh else "skip",
            pos_embed_initialization="sincos" if fresh else "skip",
        )
        self.masked.mask_token.requires_grad_(False)  # the encoder never sees one
        self.patch = int(vit.patch_embed.patch_size[0])
        self.prefix = int(vit.num_prefix_tokens)
        width = self.settings.decoder_dim
        self.embed = nn.Linear(vit.embed_dim, width)
        self.decoder = MaskedVisionTransformerDecoderTIMM(
            num_patches=vit.patch_embed.num_patches,
            embed_dim=width,
            depth=self.settings.decoder_depth,
            num_heads=self.settings.decoder_heads,
            num_prefix_tokens=self.prefix,
        )
        self.predict = nn.Linear(width, self.patch**2 * self.encoder.in_channels)

    def masks(self, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Which tokens each scan keeps and which are hidden: indices ``(N, kept)`` and ``(N, hidden)``.

        Prefix tokens (class, registers) are always kept.
        """
        patches = self.masked.sequence_length - self.prefix
        kept = max(1, round(patches * (1 - self.settings.mask_ratio)))
        device = generator.device
        order = torch.rand(number, patches, device=device, generator=generator).argsort(dim=1) + self.prefix
        prefix = torch.arange(self.prefix, device=device).expand(number, -1)
        return torch.cat([prefix, order[:, :kept]], dim=1), order[:, kept:]

    def decode(self, images: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        """Paint the hidden patches: ``(N, hidden, patch pixels)``. The encoder computes the kept tokens alone."""
        from lightly.models.utils import get_at_index, repeat_token, set_at_index

        tokens = self.embed(self.masked.encode(images=self.encoder.normalise(images), idx_keep=kept))
        size = (len(images), self.masked.sequence_length)
        full = set_at_index(repeat_token(self.decoder.mask_token, size).to(tokens.dtype), kept, tokens)
        return self.predict(get_at_index(self.decoder(full), hidden))

    def targets(self, images: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The hidden patches as the decoder shall paint them, with the mean and deviation that turn them back."""
        from lightly.models.utils import get_at_index, patchify

        patches = get_at_index(patchify(images.float(), self.patch), hidden - self.prefix)
        if not self.settings.normalise_targets:
            return patches, torch.zeros_like(patches[..., :1]), torch.ones_like(patches[..., :1])
        mean = patches.mean(dim=-1, keepdim=True)
        deviation = (patches.var(dim=-1, keepdim=True) + 1e-6).sqrt()
        return (patches - mean) / deviation, mean, deviation

    def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean squared error over the hidden patches."""
        images = self.augment(batch, generator)
        kept, hidden = self.masks(len(images), generator)
        painted = self.decode(images, kept, hidden).float()
        return {"loss": (painted - self.targets(images, hidden)[0]).square().mean()}

    def pictures(self, images: Tensor, generator: torch.Generator) -> list[Tensor]:
        """The scans, what the encoder sees of each, and the hidden patches painted in."""
        from lightly.models.utils import patchify, set_at_index, unpatchify

        kept, hidden = self.masks(len(images), generator)
        painted = self.decode(images, kept, hidden).float()
        _, mean, deviation = self.targets(images, hidden)
        patches, where = patchify(images.float(), self.patch), hidden - self.prefix
        pixels = [torch.full_like(painted, 0.5), (painted * deviation + mean).clamp(0, 1)]
        channels = images.shape[1]
        return [images, *(unpatchify(set_at_index(patches, where, new), self.patch, channels) for new in pixels)]
