"""A store of volumes on disk, open for reading: every volume a memory-mapped array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from workbench.errors import InputError, OperationFailed
from workbench.store.index_table import damaged
from workbench.store.volumes.index_table import INDEX, read_digest, read_rows
from workbench.store.volumes.settings import VolumeSettings

if TYPE_CHECKING:
    import pandas as pd

OPEN_FILES = 256
Corner = tuple[int, int, int]


class VolumeStore:
    """The volumes of a cohort; ``VolumeStore.open`` reads a store. Later builds are not seen by one already open.

    Args:
        path: The store's folder.
        settings: What it was made with.

    Attributes:
        path: Its folder.
        settings: What it was made with.
        digest: 16 hexadecimal digits over settings and content; the content version that a run records.
    """

    def __init__(self, path: Path, settings: VolumeSettings) -> None:
        self.path, self.settings = path, settings
        self._rows = read_rows(path / INDEX)
        self.digest = read_digest(path / INDEX)
        self._map = lru_cache(maxsize=OPEN_FILES)(self._open)

    def __repr__(self) -> str:
        return f"VolumeStore({self.path.name!r}, {len(self):,} volumes)"

    def __reduce__(self) -> tuple[Any, ...]:
        return VolumeStore.open, (self.path,)

    def __len__(self) -> int:
        return len(self._rows)

    @classmethod
    def open(cls, path: str | Path) -> VolumeStore:
        """The store in a folder.

        Raises:
            InputError: There is none, or its building was never finished.
            OperationFailed: It is damaged.
        """
        folder = Path(path)
        if not (folder / INDEX).is_file():
            raise InputError(
                "There is no finished store of volumes here.",
                where=folder,
                todo="Run 'workbench prepare NAME kind=volumes'.",
            )
        try:
            content = json.loads((folder / "store.json").read_text(encoding="utf-8"))
            settings = VolumeSettings.model_validate(content["settings"])
        except (OSError, ValueError, KeyError, ValidationError) as error:
            raise damaged(folder / "store.json") from error
        return cls(folder, settings)

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row per volume; the columns are ``index_table.COLUMNS``."""
        import pandas as pd

        return pd.DataFrame(self._rows)

    @property
    def bytes(self) -> int:
        """Bytes of the voxels."""
        return sum(int(np.prod(self.shape(row))) * self.dtype(row).itemsize for row in range(len(self)))

    @property
    def refused(self) -> list[dict[str, str]]:
        """Volumes that could not be decoded when the store was made: ``scan_id, code, detail``."""
        return self._described["refused"]

    @property
    def left_out(self) -> int:
        """Volumes of the cohort that were flagged or excluded when the store was made."""
        return self._described["left_out"]

    @property
    def _described(self) -> dict[str, Any]:
        return json.loads((self.path / "store.json").read_text(encoding="utf-8"))

    def shape(self, row: int) -> Corner:
        """Lengths of a volume's axes."""
        facts = self._rows[row]
        return (facts["slices"], facts["rows"], facts["columns"])

    def dtype(self, row: int) -> np.dtype[Any]:
        """Number type of a volume: int16, uint16 or float32."""
        return np.dtype(self._rows[row]["dtype"])

    def spacing_mm(self, row: int) -> tuple[float, float, float]:
        """Distances between voxels along the axes."""
        facts = self._rows[row]
        return (facts["spacing_slice_mm"], facts["spacing_row_mm"], facts["spacing_column_mm"])

    def affine_lps(self, row: int) -> NDArray[np.float64]:
        """``(4, 4)``, from ``(axis 2, axis 1, axis 0, 1)`` to mm to the left, to the back and to the head."""
        return np.array(self._rows[row]["affine_lps"]).reshape(4, 4)

    def display_range(self, row: int) -> tuple[float, float]:
        """Lowest and highest value to show, in the volume's units."""
        return (self._rows[row]["low"], self._rows[row]["high"])

    def has(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the volumes are in the store, ``(N,)``."""
        return np.array([scan in self._places for scan in scan_ids], bool)

    def rows_of(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.int64]:
        """The rows of some volumes, in their order, ``(N,)``.

        Raises:
            OperationFailed: Some are not in the store; ``has`` tells which.
        """
        absent = int((~self.has(scan_ids)).sum())
        if absent:
            raise OperationFailed(
                f"{absent:,} of {len(scan_ids):,} volumes are not in the store.",
                where=self.path,
                todo="Run 'workbench prepare NAME kind=volumes' again with the same settings.",
            )
        return np.array([self._places[scan] for scan in scan_ids], np.int64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {row["scan_id"]: place for place, row in enumerate(self._rows)}

    def volume(self, row: int) -> NDArray[Any]:
        """A whole volume, mapped from its file: read only, and read from the disk where it is touched."""
        return self._map(int(row))

    def patch(self, row: int, start: Corner, size: Corner, *, fill: float = 0.0) -> NDArray[Any]:
        """A part of a volume, copied; ``fill`` where it reaches beyond the volume.

        Args:
            row: The volume.
            start: First voxel along each axis; may be negative.
            size: Voxels along each axis.
            fill: Value outside, in the volume's units.
        """
        volume = self._map(int(row))
        out = np.full(size, fill, volume.dtype)
        source, target = [], []
        for begin, length, total in zip(start, size, volume.shape, strict=True):
            first, last = max(0, begin), min(total, begin + length)
            if last <= first:
                return out
            source.append(slice(first, last))
            target.append(slice(first - begin, last - begin))
        out[tuple(target)] = volume[tuple(source)]
        return out

    def _open(self, row: int) -> NDArray[Any]:
        file = self.path / "volumes" / f"{self._rows[row]['scan_id']}.npy"
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise OperationFailed(
                "A part of the store is missing or damaged.",
                where=file,
                todo="Run 'workbench prepare' again: it decodes the missing volumes anew.",
            ) from error


__all__ = ["VolumeStore"]
