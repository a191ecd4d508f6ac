"""The workspace's database: SQLite in WAL mode, short transactions, one connection per call."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from workbench.errors import OperationFailed
from workbench.runs.workspace import Workspace

BUSY_S = 5.0
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        verb TEXT NOT NULL,
        settings TEXT NOT NULL,
        digest TEXT NOT NULL,
        nonce TEXT NOT NULL,
        lane TEXT NOT NULL,
        run_kind TEXT NOT NULL,
        run_id TEXT NOT NULL,
        own_run INTEGER NOT NULL,
        created REAL NOT NULL,
        created_by TEXT NOT NULL,
        claimed REAL,
        claimed_by TEXT,
        pid INTEGER,
        process_started REAL,
        released REAL,
        stop_requested REAL,
        UNIQUE (digest, nonce)
    );
    CREATE INDEX jobs_by_claim ON jobs (lane, claimed, created);
    CREATE INDEX jobs_by_run ON jobs (run_kind, run_id);
    """,
    """
    CREATE TABLE chain (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        content TEXT NOT NULL,
        who TEXT NOT NULL,
        account TEXT NOT NULL,
        at TEXT NOT NULL,
        before TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE
    );
    CREATE INDEX chain_by_subject ON chain (subject, kind, number);
    CREATE TRIGGER chain_is_not_changed BEFORE UPDATE ON chain
        BEGIN SELECT RAISE(ABORT, 'records of the chain are never changed'); END;
    CREATE TRIGGER chain_is_not_cut BEFORE DELETE ON chain
        BEGIN SELECT RAISE(ABORT, 'records of the chain are never removed'); END;
    CREATE TABLE review_claims (
        queue TEXT NOT NULL,
        scan_id TEXT NOT NULL,
        reader TEXT NOT NULL,
        until REAL NOT NULL,
        PRIMARY KEY (queue, scan_id)
    );
    """,
    """
    CREATE TABLE labelling_cases (
        labelling TEXT NOT NULL,
        place INTEGER NOT NULL,
        scan_id TEXT NOT NULL,
        patient_key TEXT NOT NULL,
        reserved INTEGER NOT NULL,
        reason TEXT NOT NULL,
        readers INTEGER NOT NULL,
        PRIMARY KEY (labelling, place),
        UNIQUE (labelling, scan_id)
    );
    CREATE TABLE labelling_answers (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        labelling TEXT NOT NULL,
        scan_id TEXT NOT NULL,
        reader TEXT NOT NULL,
        answer TEXT NOT NULL,
        note TEXT NOT NULL,
        seconds REAL NOT NULL,
        view TEXT NOT NULL,
        sequence TEXT NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (labelling, reader, sequence)
    );
    CREATE INDEX labelling_answers_by_case ON labelling_answers (labelling, scan_id, number);
    CREATE TRIGGER labelling_answers_stay BEFORE UPDATE ON labelling_answers
        BEGIN SELECT RAISE(ABORT, 'answers are never changed'); END;
    CREATE TRIGGER labelling_answers_are_kept BEFORE DELETE ON labelling_answers
        BEGIN SELECT RAISE(ABORT, 'answers are never removed'); END;
    CREATE TABLE labellings (
        name TEXT PRIMARY KEY,
        cohort TEXT NOT NULL,
        question TEXT NOT NULL,
        answers TEXT NOT NULL,
        chosen TEXT NOT NULL,
        who TEXT NOT NULL,
        at TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE people (
        account TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        issuer TEXT NOT NULL,
        role TEXT NOT NULL,
        signed REAL NOT NULL,
        seen REAL NOT NULL
    );
    CREATE TABLE audit_log (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        subject TEXT NOT NULL,
        who TEXT NOT NULL,
        details TEXT NOT NULL
    );
    CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
        BEGIN SELECT RAISE(ABORT, 'entries of the audit log are never changed'); END;
    CREATE TRIGGER audit_log_is_not_cut BEFORE DELETE ON audit_log
        BEGIN SELECT RAISE(ABORT, 'entries of the audit log are never removed'); END;
    """,
)
"""Each entry brings the schema one version further; entries are added, never changed."""


@contextlib.contextmanager
def connect(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction: committed at the end, rolled back at an error, closed in any case.

    Raises:
        OperationFailed: The database cannot be opened or written, or another program holds it for too long.
    """
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(workspace.database, timeout=BUSY_S, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise _failed(workspace, error) from error
    try:
        connection.row_factory = sqlite3.Row
        if connection.execute("PRAGMA user_version").fetchone()[0] < len(MIGRATIONS):
            _migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise _failed(workspace, error) from error
    finally:
        connection.close()


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; those inside a trigger belong to it."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if not statement.strip(" \n;"):
            statement = ""
        elif sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _failed(workspace: Workspace, error: Exception) -> OperationFailed:
    return OperationFailed(
        f"The workspace's database cannot be used: {error}.",
        where=workspace.database,
        todo="Check that the disk is not full and that the folder may be written; then try again.",
    )
