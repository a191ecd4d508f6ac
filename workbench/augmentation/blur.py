"""Gaussian blur, every image with its own sigma.

The blur is separable and linear, so it is one matrix per image and direction: two batched matrix products, which is
fast on every device, allows any sigma, and makes sigma 0 the identity.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST = 1e-3


def blur_matrix(sigma: Tensor, length: int) -> Tensor:
    """Gaussian weights of pixels for pixels, normalised at the borders too.

    Args:
        sigma: ``(N,)`` pixels, 0 or more.
        length: Pixels along the direction.

    Returns:
        ``(N, length, length)``; rows sum to 1.
    """
    place = torch.arange(length, device=sigma.device, dtype=sigma.dtype)
    squared = (place[:, None] - place[None, :]).square()
    rate = -0.5 / sigma.clamp(min=SMALLEST).square()
    weights = (squared * rate.view(-1, 1, 1)).exp_()
    return weights / weights.sum(dim=2, keepdim=True)


def gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur ``(N, C, H, W)`` float32 images by ``sigma`` ``(N,)``, in pixels."""
    if images.device.type == "cpu":  # elsewhere, asking which are blurred would wait for the device
        blurred = sigma.nonzero().flatten()
        return images.index_copy(0, blurred, _blur_all(images[blurred], sigma[blurred]))
    return _blur_all(images, sigma)


def _blur_all(images: Tensor, sigma: Tensor) -> Tensor:
    height, width = images.shape[2:]
    down = blur_matrix(sigma, height)
    across = down if width == height else blur_matrix(sigma, width)
    return down[:, None] @ images @ across[:, None].transpose(2, 3)
