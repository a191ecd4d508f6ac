"""The ledger of an index: one row per file seen and per scan read, in SQLite, so that memory stays flat and a killed
index goes on where it stopped. It lies in the cohort's ``private/`` folder, for it knows the real paths."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from workbench.cohort.columns import KINDS, SCAN_COLUMNS, SQL_TYPES
from workbench.cohort.discovery import FoundFile
from workbench.cohort.quality import measures
from workbench.cohort.volumes import slice_table

SCHEMA_VERSION = 1
BATCH = 1000
CACHE_KIB = 512
OF_FILES = ("scans", "names", "measures", "slices")
"""Tables whose rows belong to a file and go when it is read again."""


class ReadFile(NamedTuple):
    """What a worker says about one file.

    Attributes:
        file: Its number in the ledger.
        outcome: Its outcome code.
        detail: A few words without identifiers or paths.
        instance_key: Key of its SOP instance, or None where it gave no scan.
        pixels: Hash of all its frames' values, or None.
        scans: One tuple per frame, in the order of ``SCAN_COLUMNS``.
        names: For a DICOMDIR, the files that it names (absolute, or within its archive).
        links: ``(kind, key, hash of the bare identifier)``.
        measures: One tuple per frame, in the order of ``measures.COLUMNS``.
        slices: One tuple per frame that is a slice, in the order of ``slice_table.COLUMNS``.
    """

    file: int
    outcome: str
    detail: str = ""
    instance_key: str | None = None
    pixels: str | None = None
    scans: tuple[tuple[Any, ...], ...] = ()
    names: tuple[str, ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    measures: tuple[tuple[Any, ...], ...] = ()
    slices: tuple[tuple[Any, ...], ...] = ()


class PendingFile(NamedTuple):
    """A file still to be read; ``member`` is its name inside an archive, or empty."""

    file: int
    path: str
    member: str
    size: int
    site: str


_SCAN_SQL = ", ".join(f'"{name}" {SQL_TYPES[KINDS[name]]}' for name in SCAN_COLUMNS)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS roots (id INTEGER PRIMARY KEY, path BLOB UNIQUE, site TEXT);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, root INTEGER, path BLOB NOT NULL, member TEXT NOT NULL DEFAULT '', archive INTEGER,
    size INTEGER, mtime_ns INTEGER, generation INTEGER, gone INTEGER DEFAULT 0,
    outcome TEXT, detail TEXT, instance_key TEXT, pixels TEXT, final TEXT, used INTEGER, UNIQUE (path, member));
CREATE INDEX IF NOT EXISTS files_instance ON files (instance_key);
CREATE INDEX IF NOT EXISTS files_order ON files (generation, path, member);
CREATE INDEX IF NOT EXISTS files_pending ON files (path) WHERE outcome IS NULL AND gone = 0;
CREATE INDEX IF NOT EXISTS files_archive ON files (archive) WHERE archive IS NOT NULL;
CREATE TABLE IF NOT EXISTS scans (file INTEGER, {_SCAN_SQL});
CREATE INDEX IF NOT EXISTS scans_file ON scans (file, frame);
CREATE TABLE IF NOT EXISTS names (file INTEGER, path BLOB, member TEXT);
CREATE INDEX IF NOT EXISTS names_file ON names (file);
CREATE TABLE IF NOT EXISTS links (kind TEXT, key TEXT, hash TEXT, PRIMARY KEY (kind, key, hash)) WITHOUT ROWID;
"""


class Ledger:
    """The SQLite file of one cohort's index.

    Args:
        file: Where it lies or shall lie.
    """

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, isolation_level=None)
        file.chmod(0o600)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA temp_store = FILE")
        for schema in ("main", "temp"):  # what does not fit is kept by the system anyway
            self.connection.execute(f"PRAGMA {schema}.cache_size = -{CACHE_KIB}")
        self._drop_outgrown_tables()
        self.connection.executescript(_SCHEMA)
        measures.create_table(self.connection)
        slice_table.create_table(self.connection)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _drop_outgrown_tables(self) -> None:
        """Tables about pictures that an earlier version made with other columns; the index reads the pictures again."""
        wanted = {
            "scans": SCAN_COLUMNS,
            "measures": tuple(name for name, _ in measures.COLUMNS),
            "slices": tuple(name for name, _ in slice_table.COLUMNS),
        }
        for table, columns in wanted.items():
            there = [row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")]
            if there and there != ["file", *columns]:
                self.connection.execute(f"DROP TABLE {table}")
                self.connection.execute("DELETE FROM facts WHERE name = 'hashes'")

    def fact(self, name: str) -> str:
        """A remembered word, or the empty word."""
        row = self.connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def remember(self, name: str, value: object) -> None:
        """Keep a word."""
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, str(value)))

    def add_root(self, path: Path, site: str) -> int:
        """Register a source; sources inside it that were indexed before become part of it."""
        name = os.fsencode(path)
        self.connection.execute("INSERT OR IGNORE INTO roots (path, site) VALUES (?, ?)", (name, site))
        root, before = self.connection.execute("SELECT id, site FROM roots WHERE path = ?", (name,)).fetchone()
        if site and site != before:
            self.connection.execute("UPDATE roots SET site = ? WHERE id = ?", (site, root))
            self.connection.execute("UPDATE files SET mtime_ns = -1 WHERE root = ? AND member = ''", (root,))
        inner = name.rstrip(b"/") + b"/"
        for (other,) in self.connection.execute(
            "SELECT id FROM roots WHERE path >= ? AND path < ?", (inner, inner[:-1] + b"0")
        ).fetchall():
            self.connection.execute("UPDATE files SET root = ? WHERE root = ?", (root, other))
            self.connection.execute("DELETE FROM roots WHERE id = ?", (other,))
        return root

    def covering_root(self, path: Path) -> Path | None:
        """A source indexed before that contains ``path``, if there is one."""
        for (name,) in self.connection.execute("SELECT path FROM roots").fetchall():
            other = Path(os.fsdecode(name))
            if other in path.parents:
                return other
        return None

    def roots(self) -> list[tuple[Path, str]]:
        """The sources and their sites."""
        rows = self.connection.execute("SELECT path, site FROM roots ORDER BY path").fetchall()
        return [(Path(os.fsdecode(path)), site) for path, site in rows]

    def take_stock(self, root: int, found: Iterable[FoundFile], generation: int) -> int:
        """Compare what the walk finds under a source with what is known: new and changed files become pending,
        unchanged ones are left alone, missing ones are marked gone and never removed.

        Returns:
            Number of files found.
        """
        run = self.connection.execute
        run(
            "CREATE TEMP TABLE IF NOT EXISTS found "
            "(path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER) WITHOUT ROWID"
        )
        run("BEGIN")
        run("DELETE FROM found")
        self.connection.executemany(
            "INSERT OR REPLACE INTO found VALUES (?, ?, ?)",
            ((os.fsencode(path), size, time) for path, size, time in found),
        )
        changed = (
            "SELECT files.id FROM files JOIN found USING (path) WHERE member = '' AND "
            "(files.size != found.size OR files.mtime_ns != found.mtime_ns OR gone)"
        )
        missing = (
            "SELECT id FROM files WHERE root = ? AND member = '' AND NOT gone AND path NOT IN (SELECT path FROM found)"
        )
        run("CREATE TEMP TABLE IF NOT EXISTS touched (id INTEGER PRIMARY KEY, gone INTEGER)")
        run("DELETE FROM touched")
        run(f"INSERT INTO touched SELECT id, 0 FROM ({changed})")
        run(f"INSERT INTO touched SELECT id, 1 FROM ({missing})", (root,))
        if run("SELECT EXISTS (SELECT 1 FROM touched)").fetchone()[0]:
            inside = "SELECT id FROM files WHERE archive IN (SELECT id FROM touched)"
            for table in OF_FILES:
                run(f"DELETE FROM {table} WHERE file IN (SELECT id FROM touched WHERE NOT gone)")
                run(
                    f"DELETE FROM {table} WHERE file IN (SELECT id FROM files WHERE archive IN "
                    "(SELECT id FROM touched WHERE NOT gone))"
                )
            run("DELETE FROM files WHERE archive IN (SELECT id FROM touched WHERE NOT gone)")
            run(f"UPDATE files SET gone = 1 WHERE id IN ({inside})")
            run("UPDATE files SET gone = 1 WHERE id IN (SELECT id FROM touched WHERE gone)")
            run(
                "UPDATE files SET gone = 0, outcome = NULL, detail = NULL, instance_key = NULL, pixels = NULL, "
                "root = ?, size = found.size, mtime_ns = found.mtime_ns FROM found "
                "WHERE files.path = found.path AND files.id IN (SELECT id FROM touched WHERE NOT gone)",
                (root,),
            )
        before = self.connection.total_changes
        run(
            "INSERT INTO files (root, path, size, mtime_ns, generation) SELECT ?, path, size, mtime_ns, ? FROM found "
            "WHERE path NOT IN (SELECT path FROM files WHERE member = '') ORDER BY path",
            (root, generation),
        )
        if self.connection.total_changes != before or run("SELECT EXISTS (SELECT 1 FROM touched)").fetchone()[0]:
            self.remember("dirty", 1)
        (number,) = run("SELECT COUNT(*) FROM found").fetchone()
        run("DELETE FROM found")
        run("COMMIT")
        return number

    def add_members(self, archive: int, members: Iterable[tuple[str, int]], generation: int) -> None:
        """Register the files inside an archive as pending."""
        root, path, mtime = self.connection.execute(
            "SELECT root, path, mtime_ns FROM files WHERE id = ?", (archive,)
        ).fetchone()
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "INSERT OR IGNORE INTO files (root, path, member, archive, size, mtime_ns, generation) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((root, path, name, archive, size, mtime, generation) for name, size in members),
        )
        self.connection.execute("COMMIT")

    def read_pictures_again(self) -> int:
        """Make every file pending that gave scans; returns how many there are."""
        run = self.connection.execute
        run("BEGIN")
        for table in OF_FILES:
            run(f"DELETE FROM {table} WHERE file IN (SELECT id FROM files WHERE NOT gone AND instance_key IS NOT NULL)")
        again = run(
            "UPDATE files SET outcome = NULL, detail = NULL, instance_key = NULL, pixels = NULL "
            "WHERE NOT gone AND instance_key IS NOT NULL"
        ).rowcount
        if again:
            self.remember("dirty", 1)
        run("COMMIT")
        return again

    def pending_count(self) -> int:
        """Number of files still to be read."""
        return self.connection.execute("SELECT COUNT(*) FROM files WHERE outcome IS NULL AND NOT gone").fetchone()[0]

    def pending(self) -> Iterator[PendingFile]:
        """Files still to be read, by path and member; taken in batches, so that answers can be written meanwhile."""
        last = (b"", "", -1)
        while True:
            rows = self.connection.execute(
                "SELECT files.id, files.path, member, size, COALESCE(site, '') "
                "FROM files JOIN roots ON roots.id = root WHERE outcome IS NULL "
                "AND gone = 0 AND (files.path, member, files.id) > (?, ?, ?) "
                "ORDER BY files.path, member, files.id LIMIT ?",
                (*last, BATCH),
            ).fetchall()
            if not rows:
                return
            last = (rows[-1][1], rows[-1][2], rows[-1][0])
            for file, path, member, size, site in rows:
                yield PendingFile(file, os.fsdecode(path), member, size, site)

    def write(self, results: Iterable[ReadFile]) -> None:
        """Note what became of some files, in one transaction."""
        marks = ", ".join("?" * (len(SCAN_COLUMNS) + 1))
        run = self.connection
        run.execute("BEGIN")
        for item in results:
            run.execute(
                "UPDATE files SET outcome = ?, detail = ?, instance_key = ?, pixels = ? WHERE id = ?",
                (item.outcome, item.detail, item.instance_key, item.pixels, item.file),
            )
            if item.scans:
                run.executemany(f"INSERT INTO scans VALUES ({marks})", ((item.file, *scan) for scan in item.scans))
            measures.insert(run, item.file, item.measures)
            slice_table.insert(run, item.file, item.slices)
            if item.names:
                run.executemany(
                    "INSERT INTO names SELECT ?, ?, ?",
                    (self._named(item.file, name) for name in item.names),
                )
            if item.links:
                run.executemany("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", item.links)
        run.execute("COMMIT")

    def _named(self, file: int, name: str) -> tuple[int, bytes, str]:
        """A file that a DICOMDIR names, as path and member: inside an archive the name is a member's."""
        path, member = self.connection.execute("SELECT path, member FROM files WHERE id = ?", (file,)).fetchone()
        return (file, path, name) if member else (file, os.fsencode(name), "")
