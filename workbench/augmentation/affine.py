"""Crop, scale, rotation and flip as one bilinear resampling of the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def content_box(images: Tensor) -> Tensor:
    """What is not black border: the smallest box around all pixels above 0 of every image.

    Args:
        images: ``(N, C, H, W)``.

    Returns:
        ``(N, 4)``: left, right, top, bottom, in units where the image spans -1 to 1. The whole image where all is 0.
    """
    column = images.amax(dim=(1, 2)) > 0
    row = images.amax(dim=(1, 3)) > 0
    edges = []
    for used in (column, row):
        length = used.shape[1]
        number = used.to(torch.uint8)
        first = number.argmax(dim=1)
        last = length - number.flip(1).argmax(dim=1)
        edges += [first * (2 / length) - 1, last * (2 / length) - 1]
    return torch.stack(edges, dim=1)


def crop_centre(box: Tensor, half: Tensor, where: Tensor) -> Tensor:
    """Centres of crops that lie inside the content as far as it reaches, and inside the image always.

    A crop wider than the content holds all of it.

    Args:
        box: ``(N, 4)`` as :func:`content_box` gives it.
        half: ``(N, 2)`` half the crop's width and height; 1 is the whole image.
        where: ``(N, 2)`` in [0, 1]: how far to the right and to the bottom of what is possible.

    Returns:
        ``(N, 2)`` x and y, in units where the image spans -1 to 1.
    """
    low, high = box[:, 0::2], box[:, 1::2]
    room = 1 - half
    first = torch.minimum(low + half, high - half).clamp(-room, room)
    last = torch.maximum(low + half, high - half).clamp(-room, room)
    return first + where * (last - first)


def affine_matrix(centre: Tensor, half: Tensor, angle: Tensor, mirror: Tensor, *, aspect: float = 1.0) -> Tensor:
    """Where each point of a view lies in its image.

    Args:
        centre: ``(N, 2)`` x and y of the crop's centre; the image spans -1 to 1.
        half: ``(N, 2)`` half the crop's width and height.
        angle: ``(N,)`` radians; the picture turns anticlockwise on the screen.
        mirror: ``(N, 2)`` 1, or -1 to mirror left-right and top-bottom.
        aspect: Width over height of the images in pixels.

    Returns:
        ``(N, 2, 3)`` as ``torch.nn.functional.affine_grid`` takes it.
    """
    scale = half * mirror
    cosine, sine = angle.cos(), angle.sin()
    x = torch.stack([cosine * scale[:, 0], -sine * scale[:, 1] / aspect, centre[:, 0]], dim=1)
    y = torch.stack([sine * aspect * scale[:, 0], cosine * scale[:, 1], centre[:, 1]], dim=1)
    return torch.stack([x, y], dim=1)


def warp(images: Tensor, matrix: Tensor) -> Tensor:
    """Resample every image by its matrix, bilinear; what lies outside the image is 0.

    Args:
        images: ``(N, C, H, W)`` float32.
        matrix: ``(N, 2, 3)`` as :func:`affine_matrix` gives it.

    Returns:
        ``(N, C, H, W)``.
    """
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
