"""A store on disk, open for reading: pixels by row, memory-mapped."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from workbench.errors import InputError, OperationFailed
from workbench.store.index_table import damaged, lacking, read_column, read_facts
from workbench.store.settings import StoreSettings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

INDEX = "index.parquet"
OPEN_SHARDS = 256


class Store:
    """The pixels of a cohort; ``Store.open`` reads one. What a build adds later is not seen by a store already open.

    Args:
        path: The store's folder.
        settings: What it was made with.
        index_file: Its index, open: a build that replaces it does not change what this store reads.

    Raises:
        InputError: An earlier version of the program prepared it.

    Attributes:
        path: Its folder.
        settings: What it was made with.
        digest: 16 hexadecimal digits over settings and content; the content version that a run records.
    """

    def __init__(self, path: Path, settings: StoreSettings, index_file: IO[bytes]) -> None:
        self.path, self.settings = path, settings
        self._index_file, self._reading = index_file, threading.Lock()
        if any(lacking(index_file)):
            raise InputError(
                "The store was prepared by an earlier version of this program.",
                where=path,
                todo="Run 'workbench prepare' again.",
            )
        facts = read_facts(index_file)
        self.digest: str = facts["digest"]
        self._shards: dict[str, dict[str, Any]] = facts["shards"]
        self._names = list(self._shards)
        self._scans = int(facts["scans"])
        self.dtype: np.dtype[Any] = _joint_dtype({shard["dtype"] for shard in self._shards.values()})
        self._map = lru_cache(maxsize=OPEN_SHARDS)(self._open_shard)

    def __repr__(self) -> str:
        return f"Store({self.path.name!r}, {len(self):,} scans of {self.size} px)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Store.open, (self.path,)

    def __len__(self) -> int:
        return self._scans

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """The store in a folder.

        Raises:
            InputError: There is none, or its building was never finished.
            OperationFailed: It is damaged.
        """
        folder = Path(path)
        try:
            index_file = (folder / INDEX).open("rb")
        except OSError as error:
            raise InputError(
                "There is no finished store here.", where=folder, todo="Run 'workbench prepare'."
            ) from error
        try:
            content = json.loads((folder / "store.json").read_text(encoding="utf-8"))
            settings = StoreSettings.model_validate(content["settings"])
        except (OSError, ValueError, KeyError, ValidationError) as error:
            raise damaged(folder / "store.json") from error
        return cls(folder, settings, index_file)

    @property
    def size(self) -> int:
        """Side of the square, pixels."""
        return self.settings.size

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.settings.channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one scan: ``(C, H, W)``."""
        return (self.channels, self.size, self.size)

    @property
    def shards(self) -> int:
        """Number of pixel files."""
        return len(self._names)

    @property
    def bytes(self) -> int:
        """Bytes of the pixels."""
        pixels = int(np.prod(self.shape))
        return sum(shard["count"] * pixels * np.dtype(shard["dtype"]).itemsize for shard in self._shards.values())

    @cached_property
    def _slots(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of every row, the number of its shard and its place in it: 8 bytes per scan."""
        numbers = np.arange(len(self._names), dtype=np.int32)
        shards = self._column("shard").combine_chunks().dictionary_encode()
        known = {name: number for number, name in enumerate(self._names)}
        of_dictionary = numbers[[known[name] for name in shards.dictionary.to_pylist()]]
        return of_dictionary[shards.indices.to_numpy()], self.column("slot")

    @property
    def refused(self) -> list[dict[str, str]]:
        """Scans that could not be decoded when the store was made: ``scan_id, code, detail``."""
        return self._described["refused"]

    @property
    def left_out(self) -> int:
        """Scans of the cohort that were flagged or excluded when the store was made, and not decoded."""
        return self._described["left_out"]

    @property
    def _described(self) -> dict[str, Any]:
        return json.loads((self.path / "store.json").read_text(encoding="utf-8"))

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row per scan; the columns are ``index_table.COLUMNS``."""
        import pandas as pd

        with self._reading:
            return pd.read_parquet(self._index_file, use_threads=False)

    def column(self, name: str) -> NDArray[Any]:
        """A column of numbers of the index, ``(N,)``, without reading the others."""
        return self._column(name).to_numpy()

    def _column(self, name: str) -> pa.ChunkedArray:
        with self._reading:
            return read_column(self._index_file, name)

    @cached_property
    def _sorted_ids(self) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
        """Scan ids in alphabetical order, and their rows: 25 bytes per scan."""
        ids = np.array(self._column("scan_id").to_pylist(), dtype=np.bytes_)
        order = np.argsort(ids, kind="stable")
        return ids[order], order

    def forget_ids(self) -> None:
        """Free what finding scans by their ids takes, before something long that goes by rows; read anew when asked."""
        self.__dict__.pop("_sorted_ids", None)

    def _find(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.int64]:
        """The rows of some scans, -1 where they are not in the store."""
        ids, rows = self._sorted_ids
        wanted = np.array([str(scan).encode() for scan in scan_ids], dtype=np.bytes_)
        if len(ids) == 0 or len(wanted) == 0:
            return np.full(len(wanted), -1, np.int64)
        places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        return np.where(ids[places] == wanted, rows[places], -1)

    def has(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the scans are in the store, ``(N,)``."""
        return self._find(scan_ids) >= 0

    def rows_of(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.int64]:
        """The rows of some scans, in their order, ``(N,)``.

        Raises:
            OperationFailed: Some are not in the store; ``has`` tells which.
        """
        rows = self._find(scan_ids)
        absent = [scan for scan, row in zip(scan_ids, rows, strict=True) if row < 0]
        if absent:
            reasons = {item["scan_id"]: item["code"] for item in self.refused}
            told = sorted({reasons[scan] for scan in absent if scan in reasons})
            why = f" ({', '.join(told)})" if told else ""
            raise OperationFailed(
                f"{len(absent):,} of {len(rows):,} scans are not in the store{why}.",
                where=self.path,
                todo="Run 'workbench prepare' again; exclude scans whose files can no longer be read.",
            )
        return rows

    def read(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """Pixels ``(N, C, H, W)`` in stored physical units (HU, stored values), copied from the mapped files.

        The number type holds every shard's: int16 for CT, uint16 or uint8 for projections, wider for mixed cohorts.
        """
        rows = np.asarray(rows, dtype=np.int64)
        out = np.empty((len(rows), *self.shape), self.dtype)
        if len(rows) == 0:
            return out
        shards, slots = (column[rows] for column in self._slots)
        if len(self._names) == 1:
            np.take(self._map(0), slots, axis=0, out=out, mode="clip")
            return out
        order = np.argsort(shards, kind="stable")
        edges = np.flatnonzero(np.diff(shards[order])) + 1
        for group in np.split(order, edges):
            pixels = self._map(int(shards[group[0]]))
            for place in group:
                out[place] = pixels[slots[place]]
        return out

    def _open_shard(self, number: int) -> NDArray[Any]:
        file = self.path / "shards" / f"{self._names[number]}.npy"
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise OperationFailed(
                "A part of the store is missing or damaged.",
                where=file,
                todo="Run 'workbench prepare' again: it decodes the missing scans anew.",
            ) from error


def _joint_dtype(names: set[str]) -> np.dtype[Any]:
    """The narrowest number type that holds the values of all; float32 where float64 would be asked for."""
    kind = np.result_type(*(np.dtype(name) for name in names)) if names else np.dtype(np.uint8)
    return np.dtype(np.float32) if kind == np.float64 else kind


__all__ = ["Store"]
