"""Filling a store while files are read for something else, so that indexing and preparing share one decoding.

The index decodes every frame to hash it. Given a sink, its workers fit those very frames and write them as shards;
``build_store`` then takes the shards over as it does after a kill, decodes what is missing, and leaves out what the
cohort does not use. A sink never stops the reading: what it cannot write is left to ``build_store``, which says why.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.store.fitting import PlainFitting
from workbench.store.shard import ShardWriter

if TYPE_CHECKING:
    from workbench.runs.workspace import Workspace
    from workbench.store.settings import StoreSettings


@dataclass(frozen=True)
class StoreSink:
    """Where workers send the frames that they decode; it can be sent to other processes.

    Attributes:
        folder: The store's folder.
        fitting: How scans are fitted.
        shard_scans: Scans of a full shard.
        session: Tells the shards of this run from those of others.
    """

    folder: Path
    fitting: PlainFitting
    shard_scans: int
    session: str

    @classmethod
    def begin(cls, cohort_name: str, settings: StoreSettings, workspace: Workspace) -> StoreSink:
        """A sink into the store of a cohort that may not exist yet."""
        from workbench.store.building import shard_scans, store_folder

        folder = store_folder(cohort_name, settings, workspace)
        session = hashlib.sha256(f"{os.getpid()} {time.time_ns()}".encode()).hexdigest()[:6]
        return cls(folder, PlainFitting.of(settings), shard_scans(settings), session)

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
        if len(self._shard) >= self.sink.shard_scans:
            self.close()

    def close(self) -> None:
        """Write what was gathered: at once, or in a worker process while it reads on."""
        shard, self._written = self._shard, self._written + 1
        self._shard = self._new()
        if not len(shard):
            return
        if multiprocessing.parent_process() is None:
            _write(shard)
        else:
            _writer().write(shard)

    def _new(self) -> ShardWriter:
        name = f"{self.number:06d}-{self.sink.session}{self._written:04d}"
        return ShardWriter(self.sink.folder, name, self.sink.fitting)


class _Writer:
    """Writes one shard after the other in a thread: the disk takes as long as a quarter of the reading.

    A process that ends in its own time ends after its last shard is written. What one loses that is killed is decoded
    again.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shards")
        self._last: Future[None] | None = None

    def write(self, shard: ShardWriter) -> None:
        """Write a shard once the one before is written, so that no more than two lie in memory."""
        if self._last is not None:
            self._last.result()
        self._last = self._thread.submit(_write, shard)


@cache
def _writer() -> _Writer:
    return _Writer()


def _write(shard: ShardWriter) -> None:
    with contextlib.suppress(OSError):  # a full disk, or a store that another process tidies: build_store will tell
        shard.write()
