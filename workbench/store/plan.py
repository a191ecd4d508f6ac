"""What a build has to do and has done, in a scratch file, so that memory does not grow with the cohort."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workbench.cohort import Cohort
from workbench.cohort.decisions import SCOPES
from workbench.errors import WorkbenchError
from workbench.runs.memory import return_memory
from workbench.store.shard import ScanFile

BATCH = 1000
PAGE = 256
CACHE_KIB = 512
TABLES = """
CREATE TABLE scans (place INTEGER PRIMARY KEY, scan_id TEXT UNIQUE, path_key TEXT, frame INTEGER, pixel_hash TEXT);
CREATE TABLE paths (path_key TEXT PRIMARY KEY, path BLOB, member TEXT, size INTEGER, mtime_ns INTEGER) WITHOUT ROWID;
CREATE TABLE done (scan_id TEXT PRIMARY KEY, content TEXT, shard TEXT) WITHOUT ROWID;
CREATE INDEX of_shard ON done (shard);
"""


class Plan:
    """A cohort's usable scans, where their files lie, and which of them a store holds.

    Args:
        file: The scratch file; removed by ``close``.
        cohort: The cohort.

    Attributes:
        left_out: Scans of the cohort that are flagged or excluded.
    """

    def __init__(self, file: Path, cohort: Cohort) -> None:
        self.file, self.cohort = file, cohort
        file.unlink(missing_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.executescript(TABLES)
        self.left_out = self._list_scans()
        self._has_paths = False
        return_memory()

    def close(self) -> None:
        """Remove the scratch file."""
        self._database.close()
        self.file.unlink(missing_ok=True)

    def _list_scans(self) -> int:
        import pyarrow.parquet as pq

        left_out = 0
        part = Cohort(self.cohort.folder)
        keys = [column for column in SCOPES.values() if column and column != "scan_id"]
        columns = ["scan_id", "path_key", "frame", "pixel_hash", "flags", *keys]
        with pq.ParquetFile(self.cohort.folder / "manifest.parquet") as manifest:
            for batch in manifest.iter_batches(BATCH, columns=columns, use_threads=False):
                part.manifest = batch.to_pandas()
                usable = part.usable()
                left_out += int((~usable).sum())
                table = part.manifest.loc[usable, ["scan_id", "path_key", "frame", "pixel_hash"]]
                rows = (
                    (scan, path, int(frame), pixels if isinstance(pixels, str) else "")
                    for scan, path, frame, pixels in table.itertuples(index=False, name=None)
                )
                self._insert("INSERT INTO scans (scan_id, path_key, frame, pixel_hash) VALUES (?, ?, ?, ?)", rows)
        return left_out

    def _list_paths(self) -> None:
        import pyarrow.parquet as pq

        file = self.cohort.private / "paths.parquet"
        if not file.is_file():
            self.cohort.private_table("paths")  # says what is missing
        names = ["path_key", "path", "member", "size", "mtime_ns"]
        with pq.ParquetFile(file) as paths:
            for batch in paths.iter_batches(BATCH, columns=names, use_threads=False):
                columns = [batch.column(name).to_pylist() for name in names]
                self._insert("INSERT OR REPLACE INTO paths VALUES (?, ?, ?, ?, ?)", zip(*columns, strict=True))
        self._has_paths = True
        return_memory()

    def _insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def add_indexed(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Count scans as done that the index holds: ``(scan_id, content, shard)``."""
        self._insert("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", rows)

    def add_shard(self, name: str, scans: list[Any]) -> None:
        """Count a new shard's scans as done: those that are usable and not done yet."""
        statement = "INSERT OR IGNORE INTO done SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM scans WHERE scan_id = ?1)"
        self._insert(statement, ((scan[0], scan[-1], name) for scan in scans))

    def rows_of(self, name: str, scans: list[Any]) -> list[Any]:
        """Those rows of a new shard's record that go into the index, each scan once."""
        wanted = {scan for (scan,) in self._database.execute("SELECT scan_id FROM done WHERE shard = ?", (name,))}
        rows = []
        for scan in scans:
            if scan[0] in wanted:
                wanted.discard(scan[0])
                rows.append(scan)
        return rows

    @property
    def done(self) -> int:
        """Scans that are done."""
        return self._database.execute("SELECT count(*) FROM done").fetchone()[0]

    def missing(self) -> int:
        """Scans to be decoded, refused ones among them."""
        query = "SELECT count(*) FROM scans WHERE scan_id NOT IN (SELECT scan_id FROM done)"
        return self._database.execute(query).fetchone()[0]

    def scan_files(self, refused: dict[str, tuple[str, str]]) -> Iterator[ScanFile]:
        """The scans to be decoded, in the manifest's order; those out of reach are added to ``refused``.

        Raises:
            InputError: The cohort's private folder, which knows the paths, is not here.
        """
        place = 0
        while True:
            page = self._database.execute(
                "SELECT place, scan_id, path_key, frame, pixel_hash FROM scans WHERE place > ? "
                "AND scan_id NOT IN (SELECT scan_id FROM done) ORDER BY place LIMIT ?",
                (place, PAGE),
            ).fetchall()
            if not page:
                return
            place = page[-1][0]
            for _, scan_id, path_key, frame, pixel_hash in page:
                if scan_id in refused:
                    continue
                if not self._has_paths:
                    self._list_paths()
                try:
                    path, unchanged = self._find(path_key)
                except WorkbenchError as error:
                    refused[scan_id] = ("absent", error.what)
                    continue
                yield ScanFile(scan_id, path, frame, "" if unchanged else pixel_hash)

    def _find(self, path_key: str) -> tuple[str, bool]:
        """The file of a path key, and whether it is as it was when it was indexed, by its size and time."""
        query = "SELECT path, member, size, mtime_ns FROM paths WHERE path_key = ?"
        found = self._database.execute(query, (path_key,)).fetchone()
        if found is not None and not found[1]:
            path, _, size, changed = found
            with contextlib.suppress(OSError):
                state = os.stat(path)  # noqa: PTH116 (a path of raw bytes)
                return os.fsdecode(path), bool(changed) and (state.st_size, state.st_mtime_ns) == (size, changed)
        return os.fspath(self.cohort.path_of(path_key)), False

    def digest(self, *parts: str) -> str:
        """16 hexadecimal digits over ``parts`` and the content of all scans that are done, whatever their order."""
        state = hashlib.sha256("\n".join(parts).encode())
        for scan, content in self._database.execute("SELECT scan_id, content FROM done ORDER BY scan_id"):
            state.update(f"{scan} {content}\n".encode())
        return state.hexdigest()[:16]
