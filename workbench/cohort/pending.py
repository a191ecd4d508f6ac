"""Reading what is pending in the ledger, in chunks and on all cores, and what lies inside the archives among it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from workbench.cohort import archives
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import Ledger, PendingFile, ReadFile
from workbench.cohort.reading import SLOW_S, Chunk, Sink, read_chunk
from workbench.runs.engine import map_tasks, worker_count
from workbench.runs.progress import Progress

CHUNK_FILES = 200
CHUNK_BYTES = 256 * 2**20


class PendingFiles:
    """Reads the pending files of a ledger.

    Args:
        ledger: The ledger.
        key: The site's key.
        progress: Is told how far the reading is.
        engine, workers: Where files are read; see ``engine.map_tasks``.
        slow_s: Seconds after which a file is given up.
        sink: Takes the usable frames as they are decoded, or None.
    """

    def __init__(
        self,
        ledger: Ledger,
        key: SiteKey,
        progress: Progress,
        *,
        engine: str = "local",
        workers: int = 0,
        slow_s: float = SLOW_S,
        sink: Sink | None = None,
    ) -> None:
        self.ledger, self.key, self.progress = ledger, key, progress
        self.engine, self.workers, self.slow_s, self.sink = engine, workers, slow_s, sink
        self._numbers = count()

    def read(self, generation: int) -> int:
        """Read every pending file, then the members of the archives among them; returns how many were read.

        Args:
            generation: Of the members that are found.
        """
        entered: set[int] = set()
        read = 0
        while True:
            total = self.ledger.pending_count()
            if total:
                read += self._round(total)
            if not self._enter_archives(entered, generation):
                return read

    def _round(self, total: int) -> int:
        size = max(1, min(CHUNK_FILES, total // (4 * worker_count(self.workers)) + 1))
        sent: dict[int, tuple[PendingFile, ...]] = {}

        def chunks() -> Iterator[Chunk]:
            for place, files in enumerate(_in_chunks(self.ledger.pending(), size)):
                sent[place] = files
                yield self._chunk(files)

        done, lost = 0, []
        for result in map_tasks(read_chunk, chunks(), engine=self.engine, workers=self.workers):
            files = sent.pop(result.index)
            if result.value is None:
                lost.extend(files)
                continue
            done = self._note(result.value, done + len(files), total)
        alone = [self._chunk((file,)) for file in lost]
        for result in map_tasks(read_chunk, alone, engine=self.engine, workers=self.workers) if alone else ():
            guilty = ReadFile(lost[result.index].file, "crashed", "the process that read it died or hung")
            done = self._note(result.value or [guilty], done + 1, total)
        return done

    def _chunk(self, files: tuple[PendingFile, ...]) -> Chunk:
        return Chunk(self.key.secret, files, self.engine == "local", self.slow_s, self.sink, next(self._numbers))

    def _note(self, found: Iterable[ReadFile], done: int, total: int) -> int:
        self.ledger.write(found)
        self.progress.progress(done, total, "files")
        return done

    def _enter_archives(self, entered: set[int], generation: int) -> bool:
        """Register the members of archives read since; whether there is anything to read now."""
        rows = self.ledger.connection.execute(
            "SELECT id, path FROM files WHERE outcome = 'archive' AND gone = 0 AND archive IS NULL "
            "AND detail IN ('zip', 'tar')"
        ).fetchall()
        for number, path in rows:
            if number in entered:
                continue
            entered.add(number)
            try:
                inside = archives.members(Path(os.fsdecode(path)))
            except archives.ArchiveRefused as refusal:
                self.ledger.write([ReadFile(number, "archive", str(refusal))])
                continue
            self.ledger.add_members(number, inside, generation)
            self.ledger.write([ReadFile(number, "archive", f"{len(inside)} files inside")])
        return self.ledger.pending_count() > 0


def _in_chunks(files: Iterable[PendingFile], size: int) -> Iterator[tuple[PendingFile, ...]]:
    chunk: list[PendingFile] = []
    weight = 0
    for file in files:
        if chunk and (len(chunk) >= size or weight + file.size > CHUNK_BYTES):
            yield tuple(chunk)
            chunk, weight = [], 0
        chunk.append(file)
        weight += file.size
    if chunk:
        yield tuple(chunk)
