"""Architectures by name: which library builds each, with which arguments.

A recipe is plain data and goes into ``encoder.json``, so that the network can be rebuilt anywhere by timm or
torchvision alone.
"""

from __future__ import annotations

import difflib
from typing import Any

import torch
from torch import nn

from workbench.errors import InputError
from workbench.models.small_map_convolution import use_small_map_convolutions

TORCHVISION = ("resnet18", "resnet50", "densenet121")
TIMM = ("convnext_tiny", "vit_tiny", "vit_small", "vit_base")
SMALL_STEM = "resnet18_small"
NAMES = ("resnet18", "resnet50", SMALL_STEM, "densenet121", "convnext_tiny", "vit_tiny", "vit_small", "vit_base")
SMALLEST = {"densenet121": 29}  # pixels: below, a pooling layer has nothing left to pool


def resolve(name: str, in_channels: int, size: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """The recipe of an architecture.

    Args:
        name: One of ``NAMES``.
        in_channels: Input channels.
        size: Side of the images, pixels; only vision transformers depend on it.
        arguments: Passed on to the library; for vision transformers also ``patch_size`` (pixels).

    Returns:
        ``library, function, arguments, in_channels, stem`` with every argument resolved.

    Raises:
        InputError: The name is unknown, or the patch size does not divide the image size.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        raise InputError(
            f"There is no encoder '{name}'.",
            where="encoder",
            todo=(f"Did you mean '{near[0]}'? " if near else "") + f"Known: {', '.join(NAMES)}.",
        )
    if in_channels < 1 or size < 1:
        raise InputError(f"An encoder for {in_channels} channels of {size} pixels cannot be built.", where=name)
    if size < SMALLEST.get(name, 1):
        raise InputError(
            f"{name} needs images of at least {SMALLEST[name]} pixels; {size} were asked for.",
            where="size",
            todo="Use a larger size, or encoder=resnet18_small.",
        )
    recipe = {"in_channels": in_channels, "arguments": dict(arguments), "stem": "standard"}
    if name == SMALL_STEM:
        return {**recipe, "library": "torchvision", "function": "resnet18", "stem": "small"}
    if name in TORCHVISION:
        return {**recipe, "library": "torchvision", "function": name}
    if not name.startswith("vit_"):
        return {**recipe, "library": "timm", "function": name}
    patch = int(arguments.get("patch_size") or default_patch(size))
    if patch < 1 or size % patch:
        fitting = [candidate for candidate in (4, 7, 8, 14, 16, 32) if size % candidate == 0]
        raise InputError(
            f"Patches of {patch} pixels do not tile images of {size} pixels.",
            where="patch_size",
            todo=f"Patch sizes that do: {', '.join(map(str, fitting))}." if fitting else "Use a size divisible by 8.",
        )
    recipe["arguments"].update(img_size=size, patch_size=patch)
    return {**recipe, "library": "timm", "function": f"{name}_patch16_224"}


def default_patch(size: int) -> int:
    """Patch size in pixels where none is given: 16, smaller for small images, so that 36 patches or more remain."""
    return next((patch for patch in (16, 8, 4) if size % patch == 0 and size // patch >= 6), 16)


def construct(recipe: dict[str, Any]) -> nn.Module:
    """The network of a recipe, randomly initialised from torch's global generator; no weights are ever downloaded.

    Returns:
        A network whose output is a feature vector (or the tokens' pooled class token, for a vision transformer).

    Raises:
        InputError: The library does not know an argument.
    """
    channels, arguments = recipe["in_channels"], recipe["arguments"]
    try:
        if recipe["library"] == "timm":
            import timm

            return timm.create_model(
                recipe["function"], pretrained=False, in_chans=channels, num_classes=0, **arguments
            )
        import torchvision

        network = getattr(torchvision.models, recipe["function"])(weights=None, **arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(
            f"{recipe['library']} cannot build '{recipe['function']}': {error}.", where=f"arguments {arguments}"
        ) from error
    return use_small_map_convolutions(_as_encoder(network, channels, small=recipe["stem"] == "small"))


def _as_encoder(network: nn.Module, channels: int, *, small: bool) -> nn.Module:
    """A torchvision classifier without its head, with a first convolution for ``channels``."""
    if hasattr(network, "conv1"):
        stem: nn.Conv2d = network.conv1  # pyright: ignore[reportAssignmentType]
        network.fc = nn.Identity()
        if small:
            network.conv1 = _first_convolution(stem, channels, kernel=3, stride=1)
            network.maxpool = nn.Identity()
        elif channels != stem.in_channels:
            network.conv1 = _first_convolution(stem, channels)
        return network
    features: nn.Sequential = network.features  # pyright: ignore[reportAssignmentType]
    stem = features.conv0  # pyright: ignore[reportAssignmentType]
    network.classifier = nn.Identity()
    if channels != stem.in_channels:
        features.conv0 = _first_convolution(stem, channels)
    return network


def _first_convolution(like: nn.Conv2d, channels: int, kernel: int = 0, stride: int = 0) -> nn.Conv2d:
    size = kernel or like.kernel_size[0]
    made = nn.Conv2d(channels, like.out_channels, size, stride or like.stride[0], size // 2, bias=False)
    with torch.no_grad():
        nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's ResNet
    return made
