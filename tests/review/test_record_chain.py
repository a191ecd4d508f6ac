from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.review.record_chain import BEGINNING, append, records, verify
from workbench.runs.workspace import Workspace

COLUMNS = ("kind", "subject", "content", "who", "account", "at", "before", "hash")


def fill(workspace: Workspace, count: int) -> None:
    for number in range(count):
        append(workspace, "verdict", "abc", {"final": "yes", "place": number}, who=f"reader {number % 2}")


def tamper(workspace: Workspace, statement: str, *values: object) -> None:
    """Write past the program, as somebody with the file could."""
    connection = sqlite3.connect(workspace.database)
    for name in ("chain_is_not_changed", "chain_is_not_cut"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_each_record_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    fill(workspace, 3)
    found = records(workspace)
    assert [record.number for record in found] == [1, 2, 3]
    assert [record.before for record in found] == [BEGINNING, found[0].hash, found[1].hash]
    checked = verify(workspace)
    assert (checked.records, checked.head, checked.broken) == (3, found[2].hash, ())


@pytest.mark.parametrize("statement", ["UPDATE chain SET who = 'x'", "DELETE FROM chain"])
def test_the_database_itself_refuses_changes(tmp_path: Path, statement: str) -> None:
    workspace = Workspace(tmp_path)
    fill(workspace, 1)
    connection = sqlite3.connect(workspace.database)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    connection.close()


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 6), data=st.data())
def test_any_change_of_any_value_is_found(tmp_path_factory, count: int, data: st.DataObject) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("chain"))
    fill(workspace, count)
    number = data.draw(st.integers(1, count))
    column = data.draw(st.sampled_from(COLUMNS))
    connection = sqlite3.connect(workspace.database)
    (old,) = connection.execute(f"SELECT {column} FROM chain WHERE number = ?", (number,)).fetchone()
    connection.close()
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    new = data.draw(text.filter(lambda value: value != old))
    tamper(workspace, f"UPDATE chain SET {column} = ? WHERE number = ?", new, number)
    broken = verify(workspace).broken
    assert any(sentence.startswith(f"Record {number} ") for sentence in broken)


@settings(max_examples=15, deadline=None)
@given(count=st.integers(2, 6), data=st.data())
def test_a_removed_record_is_found_and_a_cut_end_by_a_kept_hash(tmp_path_factory, count: int, data) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("chain"))
    fill(workspace, count)
    head = verify(workspace).head
    number = data.draw(st.integers(1, count))
    tamper(workspace, "DELETE FROM chain WHERE number = ?", number)
    if number < count:
        assert verify(workspace).broken == (f"Record {number} is missing.",) + verify(workspace).broken[1:]
    else:
        assert verify(workspace).broken == ()
    assert f"The record with hash {head[:16]} is no longer there." in verify(workspace, [head]).broken


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    fill(workspace, 1)
    writers = [threading.Thread(target=fill, args=(workspace, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    checked = verify(workspace)
    assert (checked.records, checked.broken) == (41, ())


def test_records_are_found_by_kind_and_subject(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    append(workspace, "card", "abc", {"fields": {"licence": "none"}}, who="A")
    append(workspace, "verdict", "abc", {}, who="A")
    append(workspace, "verdict", "def", {}, who="A")
    assert [record.number for record in records(workspace, kind="verdict")] == [2, 3]
    assert [record.number for record in records(workspace, kind=("card", "verdict"), subject="abc")] == [1, 2]


def test_nobody_and_the_unknown_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nobody is named"):
        append(Workspace(tmp_path), "card", "abc", {}, who="  ")
    with pytest.raises(InputError, match="no kind of record"):
        append(Workspace(tmp_path), "rumour", "abc", {}, who="A")
