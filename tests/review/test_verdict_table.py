from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.review.making import make_cohort, make_model, open_one
from workbench.errors import InputError
from workbench.review.reading import verdicts
from workbench.review.record_chain import records
from workbench.review.verdict_table import blank_table, export_table, import_table
from workbench.runs.workspace import Workspace


def test_a_table_goes_out_blind_comes_back_filled_and_is_exported(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    queue = open_one(workspace, make_model(workspace), make_cohort(workspace))
    blank = blank_table(queue, tmp_path / "blank.csv")
    head, *rows = list(csv.reader(blank.open()))
    assert head == ["place", "scan_id", "first", "final", "note"] and len(rows) == 10
    for row in rows[:7]:
        row[2] = "yes"
    rows[0][3], rows[0][4] = "no", "=1+1"
    filled = tmp_path / "filled.csv"
    with filled.open("w", newline="") as out:
        csv.writer(out, delimiter=";").writerows([head, *rows])
    assert import_table(workspace, queue, filled, who="Dr Lee") == (7, 3)
    assert import_table(workspace, queue, filled, who="Dr Lee") == (7, 3)
    assert len(verdicts(workspace, queue)) == 7 and len(records(workspace, kind="verdict")) == 7
    assert export_table(workspace, queue, tmp_path / "out.csv") == 7
    out = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert (out[0]["first"], out[0]["final"], out[0]["changed"], out[0]["note"]) == ("yes", "no", "yes", "'=1+1")
    kept = json.loads((tmp_path / "out.json").read_text())
    assert [entry["kind"] for entry in kept][:3] == ["queue", "first read", "verdict"]


def test_a_table_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    queue = open_one(workspace, make_model(workspace), make_cohort(workspace))
    first, second = queue.cases["scan_id"][:2]
    file = tmp_path / "filled.csv"
    file.write_text(f"scan_id,first\n{first},yes\n{second},perhaps\n")
    with pytest.raises(InputError, match="'perhaps' is no answer.*row 3, column first"):
        import_table(workspace, queue, file, who="A")
    file.write_text("scan,first\nx,yes\n")
    with pytest.raises(InputError, match="lacks the column 'scan_id'"):
        import_table(workspace, queue, file, who="A")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        import_table(workspace, queue, file, who="A")
    assert records(workspace, kind=("first read", "verdict")) == []
