"""Changes of brightness: window, gamma, contrast, offset, noise. Black stays black.

Letterbox borders, collimator and padding are 0 in a unit image. An offset that lifted them would paint a frame whose
grey tells the views of a scan apart from others', so all offsets fade out over the darkest values.
"""

from __future__ import annotations

import torch
from torch import Tensor

FADE = 0.02


def per_image(values: Tensor) -> Tensor:
    """``(N,)`` as ``(N, 1, 1, 1)``."""
    return values.view(-1, 1, 1, 1)


def presence(images: Tensor) -> Tensor:
    """0 where an image is black, rising to 1 at ``FADE`` of the display range."""
    return (images * (1 / FADE)).clamp_(max=1)


def narrow_window(images: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """Show a narrower window: ``below`` and ``above`` ``(N,)`` are the shares of the range cut away at its ends."""
    scale = 1 / (1 - below - above)
    return ((images - per_image(below)) * per_image(scale)).clamp_(0, 1)


def power_curve(images: Tensor, gamma: Tensor) -> Tensor:
    """Raise the values to ``gamma`` ``(N,)``; 0 and 1 stay."""
    return images.pow(per_image(gamma))


def gain_and_offset(images: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Contrast ``gain`` ``(N,)`` around the mean of what is not black, then add ``offset`` ``(N,)``; not clamped."""
    weight = presence(images)
    mean = images.sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3)).clamp(min=1)
    shift = mean * (1 - gain) + offset
    return torch.addcmul(images * per_image(gain), weight, per_image(shift))


def add_noise(images: Tensor, deviation: Tensor, noise: Tensor) -> Tensor:
    """Add ``noise`` ``(N, C, H, W)``, standard normal, times ``deviation`` ``(N,)``; not clamped."""
    return torch.addcmul(images, presence(images).mul_(per_image(deviation)), noise)
