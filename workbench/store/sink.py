"""Filling a store while files are read for something else, so that indexing and preparing share one decoding.

The index decodes every frame to hash it. Given a sink, its workers fit those very frames and write them as shards;
``build_store`` then takes the shards over as it does after a kill, decodes what is missing, and leaves out what the
cohort does not use. A sink never stops the reading: what it cannot write is left to ``build_store``, which says why.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.runs.workspace import Workspace
from workbench.store.building import shard_scans, store_folder
from workbench.store.settings import StoreSettings
from workbench.store.shard import ShardWriter


@dataclass(frozen=True)
class StoreSink:
    """Where workers send the frames that they decode; it can be sent to other processes.

    Attributes:
        folder: The store's folder.
        settings: How scans are fitted.
        session: Tells the shards of this run from those of others.
    """

    folder: Path
    settings: StoreSettings
    session: str

    @classmethod
    def begin(cls, cohort_name: str, settings: StoreSettings, workspace: Workspace) -> StoreSink:
        """A sink into the store of a cohort that may not exist yet."""
        folder = store_folder(cohort_name, settings, workspace)
        session = hashlib.sha256(f"{os.getpid()} {time.time_ns()}".encode()).hexdigest()[:6]
        return cls(folder, settings, session)

    def open(self, number: int) -> SinkPart:
        """The part that one worker fills; ``number`` orders the parts."""
        for name in ("shards", "journal"):
            with contextlib.suppress(OSError):  # build_store meets the trouble again and tells it
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        return SinkPart(self, number)


class SinkPart:
    """What one worker hands over in one task.

    Args:
        sink: The sink.
        number: The part's number.
    """

    def __init__(self, sink: StoreSink, number: int) -> None:
        self.sink, self.number = sink, number
        self._written = 0
        self._shard = self._new()

    def add(self, scan_id: str, frame: Any) -> None:
        """Fit and keep one frame (a :class:`workbench.dicom.Frame`); one that does not fit is left out."""
        try:
            self._shard.add(scan_id, frame)
        except Exception:  # whatever it is, build_store meets it again and tells it
            return
        if len(self._shard) >= shard_scans(self.sink.settings):
            self.close()

    def close(self) -> None:
        """Write what was gathered."""
        shard, self._written = self._shard, self._written + 1
        self._shard = self._new()
        if len(shard):
            try:
                shard.write()
            except OSError:  # a full disk, or a store that another process tidies: build_store will tell
                return

    def _new(self) -> ShardWriter:
        name = f"{self.number:06d}-{self.sink.session}{self._written:04d}"
        return ShardWriter(self.sink.folder, name, self.sink.settings)
