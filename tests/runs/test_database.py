from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from workbench.errors import OperationFailed
from workbench.runs.database import MIGRATIONS, connect
from workbench.runs.workspace import Workspace


def test_the_schema_is_made_once_and_in_wal_mode(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    for _ in range(2):
        with connect(workspace) as database:
            assert database.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
            assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert database.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == 0


def test_an_error_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(RuntimeError), connect(workspace) as database:
        database.execute("CREATE TABLE extra (x)")
        raise RuntimeError
    with connect(workspace) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {"jobs", "chain", "review_claims", "labelling_answers"} <= set(names)


def test_what_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "workspace.db").write_bytes(b"this is not a database, but a text of some length" * 40)
    with pytest.raises(OperationFailed, match="database cannot be used") as caught, connect(Workspace(tmp_path)):
        pass
    assert str(tmp_path / "workspace.db") in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationFailed, match="database cannot be used"), connect(Workspace(tmp_path / "file" / "in")):
        pass


def test_breaking_a_rule_of_a_table_is_left_to_the_caller(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError), connect(Workspace(tmp_path)) as database:
        database.execute("INSERT INTO jobs (id) VALUES ('a')")
