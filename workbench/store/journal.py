"""The journal of a store: a record per shard that is whole on the disk and not yet in the index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.store.settings import StoreSettings

Record = dict[str, Any]


class Journal:
    """The records of a store's new shards.

    Args:
        folder: The store's folder.
        settings: What the store is made with.
    """

    def __init__(self, folder: Path, settings: StoreSettings) -> None:
        self.folder, self.settings = folder, settings
        self.names: list[str] = []

    def take_over(self, indexed: dict[str, Record]) -> Iterator[tuple[str, Record]]:
        """Find what an earlier build left: names and records of whole shards, in order; others are forgotten."""
        for file in sorted((self.folder / "journal").glob("*.json")):
            record = self.read(file.stem)
            if record is None or file.stem in indexed or not self.is_whole(file.stem, record):
                file.unlink()
            else:
                self.names.append(file.stem)
                yield file.stem, record

    def read(self, name: str) -> Record | None:
        """A shard's record, or None where it is absent or cut short."""
        try:
            return json.loads((self.folder / "journal" / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def is_whole(self, name: str, shard: Record) -> bool:
        """Whether the pixels of a shard, as its record tells them, are all there."""
        file = self.folder / "shards" / f"{name}.npy"
        pixels = shard["count"] * self.settings.channels * self.settings.size**2
        return file.exists() and file.stat().st_size >= pixels * np.dtype(shard["dtype"]).itemsize

    def remove_strays(self, indexed: set[str]) -> None:
        """Remove files that belong neither to the index nor to a record: a process was killed while it wrote them."""
        kept = indexed | set(self.names)
        for file in [*(self.folder / "shards").iterdir(), *(self.folder / "journal").glob("*.tmp")]:
            if file.suffix == ".tmp" or file.stem not in kept:
                file.unlink(missing_ok=True)

    def forget(self, indexed: set[str]) -> None:
        """Remove all records, and the pixels of shards that brought nothing to the index."""
        for name in self.names:
            (self.folder / "journal" / f"{name}.json").unlink(missing_ok=True)
            if name not in indexed:
                (self.folder / "shards" / f"{name}.npy").unlink(missing_ok=True)
