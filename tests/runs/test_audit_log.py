from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from workbench.runs.audit_log import entries, log
from workbench.runs.database import connect
from workbench.runs.workspace import Workspace


def test_entries_are_found_newest_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert entries(workspace) == []
    log(workspace, "labels", "chest", "anna", rows=412)
    log(workspace, "export", "chest_100%", "ben", kind="onnx")
    log(workspace, "export", "chest_1000", "anna", kind="mlflow")
    assert [(one.number, one.event, one.who) for one in entries(workspace)] == [
        (3, "export", "anna"), (2, "export", "ben"), (1, "labels", "anna")
    ]  # fmt: skip
    assert [one.number for one in entries(workspace, containing="ANNA")] == [3, 1]
    assert [one.number for one in entries(workspace, containing="0%")] == [2]
    assert [one.number for one in entries(workspace, containing="onnx", event="export")] == [2]
    assert [one.number for one in entries(workspace, limit=1)] == [3]
    assert entries(workspace, event="labels")[0].details == {"rows": 412}


@pytest.mark.parametrize("change", ["UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log"])
def test_the_database_refuses_to_change_the_log(tmp_path: Path, change: str) -> None:
    workspace = Workspace(tmp_path)
    log(workspace, "sign-off", "run", "anna")
    with pytest.raises(sqlite3.IntegrityError, match="never"), connect(workspace) as connection:
        connection.execute(change)
    assert [one.who for one in entries(workspace)] == ["anna"]


def test_an_unknown_event_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holiday"):
        log(Workspace(tmp_path), "holiday", "", "anna")
