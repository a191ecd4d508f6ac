from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from workbench.errors import InputError, OperationFailed
from workbench.sources.pacs.archive import FoundSeries, FoundStudy
from workbench.sources.pacs.watermark import COMPLETE, SHORT, Watermark

STUDY = FoundStudy("1.2", 6)
SERIES = [FoundSeries("1.2", "1.2.1", instances=4), FoundSeries("1.2", "1.2.2", instances=2)]


def settle(table: Watermark, series: FoundSeries, here: int, outcome: str, missing: list[str] | None = None) -> None:
    table.settle(series, asked=series.instances, here=here, outcome=outcome, detail="why", missing=missing or [])


def rows(file: Path) -> list[list[str]]:
    with file.open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_study_is_unchanged_once_all_its_series_were_complete_with_this_number(tmp_path: Path):
    table = Watermark(tmp_path / "t.sqlite", "f00d")
    assert not table.is_unchanged(STUDY, "all")
    table.plan(STUDY, "all", SERIES)
    settle(table, SERIES[0], 4, COMPLETE)
    assert not table.is_unchanged(STUDY, "all")
    settle(table, SERIES[1], 2, COMPLETE)
    table.close()
    table = Watermark(tmp_path / "t.sqlite", "f00d")
    assert table.run == 2 and table.is_unchanged(STUDY, "all")
    assert not table.is_unchanged(FoundStudy("1.2", 7), "all") and not table.is_unchanged(FoundStudy("1.2"), "all")
    assert not table.is_unchanged(STUDY, "only CT")
    new = FoundStudy("1.3", 1)
    assert table.changed([STUDY, new, FoundStudy("1.2", 7)], "all") == [new, FoundStudy("1.2", 7)]
    assert table.is_unchanged(STUDY, "all")
    table.plan(FoundStudy("1.2", 7), "all", SERIES)
    assert not table.is_unchanged(FoundStudy("1.2", 7), "all")


def test_a_series_that_fell_short_keeps_the_study_open(tmp_path: Path):
    table = Watermark(tmp_path / "t.sqlite", "f00d")
    table.plan(STUDY, "all", SERIES)
    settle(table, SERIES[0], 3, SHORT, ["1.2.1.9"])
    settle(table, SERIES[1], 2, COMPLETE)
    assert not table.is_unchanged(STUDY, "all")
    table.write_lists(tmp_path)
    assert rows(tmp_path / "outcomes.csv") == [
        ["study_uid", "series_uid", "asked", "received", "missing", "outcome", "detail"],
        ["1.2", "1.2.1", "4", "3", "1", "short", "why"],
        ["1.2", "1.2.2", "2", "2", "0", "complete", "why"],
    ]
    assert rows(tmp_path / "missing.csv") == [["study_uid", "series_uid", "sop_uid"], ["1.2", "1.2.1", "1.2.1.9"]]
    settle(table, SERIES[0], 4, COMPLETE)
    table.write_lists(tmp_path)
    assert len(rows(tmp_path / "missing.csv")) == 1 and table.is_unchanged(STUDY, "all")
    for name in ("t.sqlite", "outcomes.csv", "missing.csv"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_study_of_which_nothing_is_wanted(tmp_path: Path):
    table = Watermark(tmp_path / "t.sqlite", "f00d")
    table.plan(STUDY, "MR", [])
    table.settle_empty(STUDY)
    assert table.is_unchanged(STUDY, "MR") and not table.is_unchanged(STUDY, "CT")


def test_another_key_would_name_files_otherwise(tmp_path: Path):
    Watermark(tmp_path / "t.sqlite", "f00d").close()
    with pytest.raises(InputError, match="site key f00d; the one in use is beef"):
        Watermark(tmp_path / "t.sqlite", "beef")


def test_a_damaged_table_is_told(tmp_path: Path):
    (tmp_path / "t.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(OperationFailed, match="cannot be read or written") as caught:
        Watermark(tmp_path / "t.sqlite", "f00d")
    assert "moved away" in caught.value.todo
    with pytest.raises(OperationFailed, match="cannot be read or written"):
        Watermark(tmp_path / "absent" / "t.sqlite", "f00d")
