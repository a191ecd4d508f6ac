"""Patches of volumes for training: drawn by seed, epoch and place alone, so that a run can be taken up anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.errors import InputError
from workbench.runs.seeds import mix
from workbench.store.volumes.store import Corner, VolumeStore


class VolumePatches:
    """Cubes or boxes of some volumes as tensors in [0, 1].

    A value x becomes (x - low) / (high - low), cut to [0, 1], by the volume's own display range, or by ``window``.
    Where a volume is smaller than the patch it lies in its middle, with 0 around.

    Args:
        store: The store.
        size: Of a patch, voxels: one number, or one per axis.
        rows: ``(N,)`` rows of the store; all when None.
        seed: Decides, with epoch and place, where patches lie.
        window: Lowest and highest value shown, in the store's units (HU).
    """

    def __init__(
        self,
        store: VolumeStore,
        size: int | Corner,
        *,
        rows: Sequence[int] | NDArray[Any] | None = None,
        seed: int = 0,
        window: tuple[float, float] | None = None,
    ) -> None:
        self.store, self.seed, self.window = store, seed, window
        self.size: Corner = (size, size, size) if isinstance(size, int) else size
        self.rows = np.arange(len(store)) if rows is None else np.asarray(rows, dtype=np.int64)
        if min(self.size) < 1:
            raise InputError("A patch has at least one voxel along each axis.", where=f"size={size}")
        if window is not None and not window[0] < window[1]:
            raise InputError("A window goes from its lowest to its highest value.", where=f"window={window}")

    def __len__(self) -> int:
        return len(self.rows)

    def corner(self, place: int, epoch: int = 0) -> Corner:
        """First voxel of the patch of the volume at ``place`` in an epoch: all corners are equally likely."""
        random = np.random.default_rng(mix(self.seed, epoch, place))
        shape = self.store.shape(int(self.rows[place]))
        corner = [
            int(random.integers(0, total - length + 1)) if total >= length else -((length - total) // 2)
            for total, length in zip(shape, self.size, strict=True)
        ]
        return (corner[0], corner[1], corner[2])

    def patch(self, place: int, epoch: int = 0) -> Tensor:
        """The patch of the volume at ``place`` in an epoch, ``(1, D, H, W)`` float32."""
        row = int(self.rows[place])
        low, high = self.window or self.store.display_range(row)
        voxels = self.store.patch(row, self.corner(place, epoch), self.size, fill=_at_most(low, self.store.dtype(row)))
        unit = (voxels.astype(np.float32) - np.float32(low)) * np.float32(1 / (high - low))
        return torch.from_numpy(np.clip(unit, 0, 1, out=unit))[None]

    def batch(self, places: Sequence[int] | NDArray[Any], epoch: int = 0) -> Tensor:
        """The patches of some volumes, ``(N, 1, D, H, W)`` float32."""
        return torch.stack([self.patch(int(place), epoch) for place in places])


def _at_most(low: float, kind: np.dtype[Any]) -> float:
    """A value that a number type holds and that lies at or below ``low``, where it can."""
    if kind.kind == "f":
        return low
    return float(max(np.floor(low), np.iinfo(kind).min))
