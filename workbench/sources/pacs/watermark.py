"""What was asked for and what has come, in one SQLite file: the account of a fetch, and the watermark of the next.

DICOMweb and C-FIND cannot be asked what has changed. So every study is kept with the number of instances that the
server named when it was last complete; a study whose number is the same is not asked for again.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import InputError, OperationFailed
from workbench.sources.pacs.archive import FoundSeries, FoundStudy

SCHEMA = "1"
PLANNED, COMPLETE, SHORT, FAILED = "planned", "complete", "short", "failed"
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS studies (
    uid TEXT PRIMARY KEY, instances INTEGER, wanted TEXT NOT NULL, complete INTEGER NOT NULL DEFAULT 0,
    first_seen REAL NOT NULL, last_seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS series (
    study_uid TEXT NOT NULL, uid TEXT NOT NULL, asked INTEGER, here INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', updated REAL NOT NULL, run INTEGER NOT NULL,
    PRIMARY KEY (study_uid, uid));
CREATE TABLE IF NOT EXISTS missing (series_uid TEXT NOT NULL, sop_uid TEXT NOT NULL, PRIMARY KEY (series_uid, sop_uid));
"""


class Watermark:
    """The table of studies and series of one folder; used by one thread.

    Args:
        file: SQLite file, made if absent, readable by its owner only.
        fingerprint: Of the key that names files; another key would give other names.

    Raises:
        InputError: The file was made under another key.
        OperationFailed: It is damaged or cannot be written.
    """

    def __init__(self, file: Path, fingerprint: str) -> None:
        self.file = file
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            self._database = sqlite3.connect(file, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last lines, not the table
            self._database.executescript(_TABLES)
            known = dict(self._database.execute("SELECT name, value FROM facts").fetchall())
            if not known:
                facts = [("schema", SCHEMA), ("fingerprint", fingerprint), ("run", "0")]
                self._database.executemany("INSERT INTO facts VALUES (?, ?)", facts)
                known = dict(facts)
            self.run = int(known["run"]) + 1
            self._database.execute("UPDATE facts SET value = ? WHERE name = 'run'", (str(self.run),))
        except (OSError, sqlite3.Error, KeyError, ValueError) as error:
            raise OperationFailed(
                "The table of what was fetched cannot be read or written.",
                where=file,
                todo="Make the folder writable; a damaged file can be moved away, what is here is then counted anew.",
            ) from error
        if known["fingerprint"] != fingerprint:
            raise InputError(
                f"This folder was filled under the site key {known['fingerprint']}; the one in use is {fingerprint}.",
                where=file.parent,
                todo="Bring back the right key file, or fetch into another folder.",
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def changed(self, studies: Sequence[FoundStudy], wanted: str) -> list[FoundStudy]:
        """Note that the server named these studies; those of them that have to be asked for.

        Left out are studies that were complete with the same number of instances when the same series were wanted.
        """
        with self._database:
            self._database.execute("BEGIN")
            found = [study for study in studies if not self.is_unchanged(study, wanted)]
            for study in studies:
                self._see(study, wanted)
        return found

    def is_unchanged(self, study: FoundStudy, wanted: str) -> bool:
        """Whether a study was complete with this number of instances, when the same series of it were wanted."""
        row = self._database.execute(
            "SELECT 1 FROM studies WHERE uid = ? AND complete = 1 AND wanted = ? AND instances = ?",
            (study.uid, wanted, study.instances),
        ).fetchone()
        return row is not None

    def _see(self, study: FoundStudy, wanted: str) -> None:
        now = time.time()
        self._database.execute(
            "INSERT INTO studies (uid, instances, wanted, first_seen, last_seen) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (uid) DO UPDATE SET last_seen = excluded.last_seen",
            (study.uid, study.instances, wanted, now, now),
        )

    def plan(self, study: FoundStudy, wanted: str, series: list[FoundSeries]) -> None:
        """Note what is asked for of a study; from now on it is not complete."""
        with self._database:
            self._database.execute("BEGIN")
            self._see(study, wanted)
            self._database.execute(
                "UPDATE studies SET instances = ?, wanted = ?, complete = 0 WHERE uid = ?",
                (study.instances, wanted, study.uid),
            )
            self._database.execute("DELETE FROM series WHERE study_uid = ? AND uid = ''", (study.uid,))
            for one in series:
                self.add(one)

    def add(self, series: FoundSeries) -> None:
        """Note a series of a planned study; one without a UID stands for what the study has beyond those known."""
        self._database.execute(
            "INSERT INTO series (study_uid, uid, asked, outcome, updated, run) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (study_uid, uid) DO UPDATE SET asked = excluded.asked, outcome = excluded.outcome, "
            "detail = '', updated = excluded.updated, run = excluded.run",
            (series.study_uid, series.uid, series.instances, PLANNED, time.time(), self.run),
        )

    def settle(
        self, series: FoundSeries, *, asked: int | None, here: int, outcome: str, detail: str, missing: list[str]
    ) -> None:
        """Note what became of a series; a study is complete when all its series of this run are.

        Args:
            asked: Instances that the server has, or None.
            here: Instances that are here.
            outcome: ``complete``, ``short`` or ``failed``.
            detail: Why, in words.
            missing: SOP Instance UIDs that did not come, as far as known.
        """
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(
                "UPDATE series SET asked = ?, here = ?, outcome = ?, detail = ?, updated = ? "
                "WHERE study_uid = ? AND uid = ?",
                (asked, here, outcome, detail, time.time(), series.study_uid, series.uid),
            )
            self._database.execute("DELETE FROM missing WHERE series_uid = ?", (series.uid,))
            self._database.executemany("INSERT INTO missing VALUES (?, ?)", [(series.uid, uid) for uid in missing])
            self._database.execute(
                "UPDATE studies SET complete = 1 WHERE uid = ? AND NOT EXISTS "
                "(SELECT 1 FROM series WHERE study_uid = ? AND run = ? AND outcome <> ?)",
                (series.study_uid, series.study_uid, self.run, COMPLETE),
            )

    def settle_empty(self, study: FoundStudy) -> None:
        """Note that nothing of a study is wanted."""
        self._database.execute("UPDATE studies SET complete = 1 WHERE uid = ?", (study.uid,))

    def write_lists(self, folder: Path) -> None:
        """Write ``outcomes.csv`` (all series ever asked for) and ``missing.csv``, with the UIDs that a PACS
        administrator needs; readable by their owner only."""
        heading = ("study_uid", "series_uid", "asked", "received", "missing", "outcome", "detail")
        rows = self._database.execute(
            "SELECT study_uid, uid, asked, here, MAX(COALESCE(asked, here) - here, 0), outcome, detail FROM series "
            "ORDER BY outcome = 'complete', study_uid, uid"
        )
        _write_table(folder / "outcomes.csv", heading, rows)
        rows = self._database.execute(
            "SELECT study_uid, series_uid, sop_uid FROM missing JOIN series ON uid = series_uid ORDER BY 1, 2, 3"
        )
        _write_table(folder / "missing.csv", ("study_uid", "series_uid", "sop_uid"), rows)


def _write_table(file: Path, heading: tuple[str, ...], rows: sqlite3.Cursor) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(heading)
            writer.writerows(rows)
        temporary.replace(file)
    except OSError as error:
        raise OperationFailed(
            f"The list of outcomes cannot be written ({error.strerror}).", where=file, todo="Free some space."
        ) from error
