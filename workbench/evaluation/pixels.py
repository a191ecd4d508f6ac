"""The image itself as features: what any encoder must beat."""

from __future__ import annotations

from typing import Any

PIXELS = "pixels"
SIDE = 32


def pixel_features() -> Any:
    """A torch module that gives the image averaged to 32 x 32 pixels: ``(N, C, H, W)`` to ``(N, C * 1024)``."""
    from torch import nn

    return nn.Sequential(nn.AdaptiveAvgPool2d(SIDE), nn.Flatten())
