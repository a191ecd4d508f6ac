"""An encoder: images in, one feature vector per image out, with its normalisation inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from workbench.errors import InputError
from workbench.models import recipes

VALUE_RANGE = (0.0, 1.0)
DEFAULT_MEAN, DEFAULT_STD = 0.5, 0.25
POOLS = ("mean", "token")


class Encoder(nn.Module):
    """A network with its input normalisation.

    Args:
        name: Architecture, one of ``recipes.NAMES``.
        recipe: As ``recipes.resolve`` gives it.
        size: Side in pixels for which it was made; CNNs take others, too.
        pool: How a vision transformer's tokens become one vector: ``mean`` of the patch tokens (as MAE fine-tunes),
            or the class ``token``.

    Attributes:
        name, size, in_channels, arguments: As built, every argument resolved.
        feature_dim: D, the length of a feature vector.
        network: The timm or torchvision network.
        mean, std: Buffers ``(C,)``: the input is shifted and scaled by them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, recipe: dict[str, Any], size: int, pool: str = "mean") -> None:
        super().__init__()
        self.name, self.recipe, self.size = name, recipe, size
        self.in_channels = int(recipe["in_channels"])
        self.is_vit = name.startswith("vit_")
        self.pool = pool
        self.network = recipes.construct(recipe)
        if self.is_vit:
            self.feature_dim = int(self.network.embed_dim)  # pyright: ignore[reportArgumentType]
        elif recipe["library"] == "timm":
            self.feature_dim = int(self.network.num_features)  # pyright: ignore[reportArgumentType]
        else:
            self.feature_dim = {"resnet18": 512, "resnet50": 2048, "densenet121": 1024}[recipe["function"]]
        self.register_buffer("mean", torch.full((self.in_channels,), DEFAULT_MEAN))
        self.register_buffer("std", torch.full((self.in_channels,), DEFAULT_STD))

    @property
    def arguments(self) -> dict[str, Any]:
        """What ``build_encoder`` needs besides name, channels and size to build the same network."""
        given = {name: value for name, value in self.recipe["arguments"].items() if name != "img_size"}
        return {**given, "pool": self.pool} if self.is_vit else given

    @property
    def vit(self) -> Any:
        """The timm ``VisionTransformer``; its ``norm`` is applied to all tokens, its head is empty.

        Raises:
            InputError: The encoder is a CNN.
        """
        if not self.is_vit:
            raise InputError(f"'{self.name}' is no vision transformer.")
        return self.network

    def forward(self, images: Tensor) -> Tensor:
        """Features.

        Args:
            images: ``(N, C, H, W)`` float in [0, 1].

        Returns:
            ``(N, D)``.
        """
        images = self.normalise(images)
        if not self.is_vit:
            return self.network(images)
        tokens = self.vit.forward_features(images)
        return tokens[:, self.vit.num_prefix_tokens :].mean(dim=1) if self.pool == "mean" else tokens[:, 0]

    def normalise(self, images: Tensor) -> Tensor:
        """``(images - mean) / std``, per channel."""
        return (images - self.mean.view(1, -1, 1, 1)) / self.std.view(1, -1, 1, 1)

    def set_normalisation(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        """Set what the input is shifted and scaled by, one number for all channels or one per channel.

        Raises:
            InputError: A standard deviation is not above zero.
        """
        for buffer, value in ((self.mean, mean), (self.std, std)):
            buffer.copy_(torch.as_tensor(value, dtype=torch.float32).expand(self.in_channels))
        if not bool((self.std > 0).all()):
            raise InputError("The standard deviation of the input must be above 0.", where=f"std {std}")

    def layers(self) -> list[list[Parameter]]:
        """The parameters from input to output, one list per layer, for layer-wise learning rates; each once.

        A layer is the stem (with a transformer's tokens and positions), a residual or transformer block, a dense
        block with the transition before it, or the last norm.
        """
        stages = _vit_stages(self.network) if self.is_vit else _cnn_stages(self.network)
        groups: list[list[Parameter]] = []
        seen: set[int] = set()
        for stage in stages:
            members = [stage] if isinstance(stage, Parameter) else list(stage.parameters())
            groups.append([p for p in members if id(p) not in seen])
            seen.update(map(id, members))
        rest = [p for p in self.parameters() if id(p) not in seen]
        groups[0] += rest  # tokens and position embeddings
        return [group for group in groups if group]

    def feature_map_layer(self) -> str:
        """Name, within this module, of the layer whose maps Grad-CAM reads.

        Raises:
            InputError: The encoder is a vision transformer, which is shown by attention roll-out.
        """
        if self.is_vit:
            raise InputError(f"'{self.name}' has no feature maps; use attention roll-out.")
        if hasattr(self.network, "layer4"):
            return "network.layer4"
        return "network.features.denseblock4" if hasattr(self.network, "features") else "network.stages.3"


def build_encoder(
    name: str,
    *,
    in_channels: int = 1,
    size: int = 64,
    seed: int | None = None,
    pool: str = "mean",
    **arguments: Any,
) -> Encoder:
    """A randomly initialised encoder; nothing is downloaded.

    Args:
        name: ``resnet18``, ``resnet50``, ``densenet121`` (torchvision), ``convnext_tiny``, ``vit_tiny``, ``vit_small``,
            ``vit_base`` (timm), or ``resnet18_small``: 3 x 3 stem with stride 1 and no max-pool, for images of about
            32 pixels (MedMNIST v2, Yang et al. 2023).
        in_channels: Input channels.
        size: Side of the images, pixels.
        seed: Seeds the weights and leaves the global generator as it was; None draws from the global generator.
        pool: For vision transformers, ``mean`` or ``token``.
        arguments: For the library's constructor, such as ``patch_size`` (pixels), ``depth`` or ``drop_path_rate``.

    Raises:
        InputError: The name or an argument is unknown, or the patch size does not divide the size.
    """
    recipe = recipes.resolve(name, in_channels, size, arguments)
    if pool not in POOLS:
        raise InputError(f"Tokens cannot be pooled by '{pool}'.", where="pool", todo=f"Use {' or '.join(POOLS)}.")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return Encoder(name, recipe, size, pool)


def _vit_stages(network: Any) -> list[nn.Module]:
    return [network.patch_embed, *network.blocks, network.norm]


def _cnn_stages(network: Any) -> list[nn.Module]:
    if hasattr(network, "layer4"):
        stem = nn.ModuleList([network.conv1, network.bn1])
        return [stem, *(block for n in range(1, 5) for block in getattr(network, f"layer{n}"))]
    if hasattr(network, "features"):
        parts = network.features
        stages: list[nn.Module] = [nn.ModuleList([parts.conv0, parts.norm0, parts.denseblock1])]
        for n in (1, 2, 3):
            stages.append(nn.ModuleList([getattr(parts, f"transition{n}"), getattr(parts, f"denseblock{n + 1}")]))
        return [*stages, parts.norm5]
    stages = [network.stem]
    for stage in network.stages:
        first, *others = stage.blocks
        stages += [nn.ModuleList([stage.downsample, first]), *others]
    return [*stages, network.head]
