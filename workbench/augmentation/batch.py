"""One random view of every image of a batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workbench.augmentation.affine import affine_matrix, content_box, crop_centre, warp
from workbench.augmentation.blur import gaussian_blur
from workbench.augmentation.intensity import add_noise, gain_and_offset, narrow_window, power_curve
from workbench.augmentation.settings import AugmentSettings

DRAWS = 14


class BatchAugment:
    """Random views of whole batches, made on the device where the images lie.

    Each image draws its own parameters, so no image's view depends on the other images of the batch. Steps whose
    strength is 0 are left out.

    Args:
        settings: The strengths.
        size: Side of the images, pixels; the unit of the blur. The images' own height when 0.
    """

    def __init__(self, settings: AugmentSettings | None = None, size: int = 0) -> None:
        self.settings = settings or AugmentSettings()
        self.size = size
        chosen = self.settings
        self.moves = (
            (chosen.crop_scale, chosen.crop_ratio) != ((1.0, 1.0), (1.0, 1.0))
            or chosen.rotation_deg > 0
            or chosen.flip != "none"
        )

    def __call__(self, images: Tensor, *, generator: torch.Generator) -> Tensor:
        """One view of each image.

        Args:
            images: ``(N, C, H, W)`` float32 in [0, 1]; not changed.
            generator: Where all random numbers come from; on the images' device, or else its numbers are moved there.

        Returns:
            ``(N, C, H, W)`` float32 in [0, 1].
        """
        chosen = self.settings
        draws = torch.rand(len(images), DRAWS, generator=generator, device=generator.device).to(images.device)
        view = warp(images, self.matrix(images, draws)) if self.moves else images
        if chosen.window_jitter:
            view = narrow_window(view, *(chosen.window_jitter * draws[:, 6:8]).unbind(1))
        if chosen.gamma:
            view = power_curve(view, (chosen.gamma * _both_ways(draws[:, 8])).exp())
        if chosen.contrast or chosen.brightness:
            gain = 1 + chosen.contrast * _both_ways(draws[:, 9])
            view = gain_and_offset(view, gain, chosen.brightness * _both_ways(draws[:, 10])).clamp_(0, 1)
        if chosen.blur and chosen.blur_share:
            sigma = chosen.blur * (self.size or images.shape[2]) * draws[:, 11] * (draws[:, 12] < chosen.blur_share)
            view = gaussian_blur(view, sigma)
        if chosen.noise:
            noise = torch.randn(view.shape, generator=generator, device=generator.device).to(view.device)
            view = add_noise(view, chosen.noise * draws[:, 13], noise)
        return view if view is images else view.clamp_(0, 1)

    def matrix(self, images: Tensor, draws: Tensor) -> Tensor:
        """The views' affine matrices ``(N, 2, 3)`` from the first six columns of ``draws`` ``(N, 14)`` in [0, 1]."""
        chosen = self.settings
        area = _between(chosen.crop_scale, draws[:, 0])
        low, high = chosen.crop_ratio
        ratio = _between((math.log(low), math.log(high)), draws[:, 1]).exp()
        half = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1)
        centre = crop_centre(content_box(images), half, draws[:, 2:4])
        angle = math.radians(chosen.rotation_deg) * _both_ways(draws[:, 4])
        mirror = torch.ones_like(half)
        if chosen.flip != "none":
            sides = (draws[:, 5] * 4).floor()  # four equal cases: bit 0 left-right, bit 1 top-bottom
            if chosen.flip in ("horizontal", "both"):
                mirror[:, 0] = 1 - 2 * (sides % 2)
            if chosen.flip in ("vertical", "both"):
                mirror[:, 1] = 1 - 2 * (sides >= 2)
        return affine_matrix(centre, half, angle, mirror, aspect=images.shape[3] / images.shape[2])


def _both_ways(draws: Tensor) -> Tensor:
    return 2 * draws - 1


def _between(limits: tuple[float, float], draws: Tensor) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * draws
