"""Sets of images: anything with a length and ``batch(positions)``; parts of them, and such held in memory."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Images(Protocol):
    """A set of images; :class:`workbench.store.datasets.UnitImages` is one."""

    def __len__(self) -> int: ...

    def batch(self, positions: Any, /) -> Tensor:
        """``(N, C, H, W)`` float32 in [0, 1] of the images at ``(N,)`` positions."""
        ...


class TensorImages:
    """Images held in memory.

    Args:
        tensor: ``(N, C, H, W)`` float32 in [0, 1].
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __len__(self) -> int:
        return len(self.tensor)

    def batch(self, positions: Any, /) -> Tensor:
        """The images at some positions, ``(N, C, H, W)``."""
        return self.tensor[torch.as_tensor(np.asarray(positions), dtype=torch.long)]


class PartOf:
    """Some images of a set, in the order of ``positions`` ``(N,)``."""

    def __init__(self, images: Images, positions: NDArray[Any]) -> None:
        self.images, self.positions = images, np.asarray(positions)

    def __len__(self) -> int:
        return len(self.positions)

    def batch(self, positions: Any, /) -> Tensor:
        """The images at some positions of the part, ``(N, C, H, W)``."""
        return self.images.batch(self.positions[np.asarray(positions)])


def held(images: Images, most_mb: float = 1024.0) -> Images:
    """The set in memory if it takes at most ``most_mb`` megabytes as float32, else the set as it is."""
    if isinstance(images, TensorImages) or not len(images):
        return images
    one = images.batch(np.arange(1))
    if one.nelement() * 4 * len(images) > most_mb * 2**20:
        return images
    return TensorImages(images.batch(np.arange(len(images))))
