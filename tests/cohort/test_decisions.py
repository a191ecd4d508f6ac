from __future__ import annotations

from pathlib import Path

import pytest

from tests.cohort.making import small_cohort
from workbench.cohort import decisions
from workbench.cohort.cohort import Cohort
from workbench.errors import InputError


def test_the_latest_decision_counts_and_lines_are_only_added(tmp_path: Path):
    decisions.add(tmp_path, "exclude", "scan", ["S1", "S2"], reason="hand", who="ann")
    decisions.add(tmp_path, "exclude", "patient", ["P1"], reason="withdrawn")
    decisions.add(tmp_path, "include", "scan", ["S1"], reason="was right", who="ann")
    decisions.add(tmp_path, "confirm", "finding", ["uid_conflict"], reason="seen")
    assert decisions.standing(tmp_path, "exclude") == {"scan_id": {"S2"}, "patient_key": {"P1"}}
    lines = decisions.read(tmp_path)
    assert [line["decision"] for line in lines] == ["exclude", "exclude", "exclude", "include", "confirm"]
    assert lines[0]["who"] == "ann" and lines[2]["who"]


def test_wrong_words_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="Unknown decision 'drop'"):
        decisions.add(tmp_path, "drop", "scan", ["S1"], reason="x")
    with pytest.raises(InputError, match="Unknown scope 'image'"):
        decisions.add(tmp_path, "exclude", "image", ["S1"], reason="x")
    with pytest.raises(InputError, match="needs a reason"):
        decisions.add(tmp_path, "exclude", "scan", ["S1"], reason=" ")
    assert decisions.read(tmp_path) == []


def test_exclusions_leave_the_pool_and_change_the_version(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c")
    before, pool = cohort.version, cohort.pool()
    cohort.decide("exclude", "scan", [pool[0]], reason="blurred")
    assert set(pool) - set(cohort.pool()) == {pool[0]}
    assert cohort.version != before
    with pytest.raises(InputError, match="no scan S-absent"):
        cohort.decide("exclude", "scan", ["S-absent"], reason="x")


def test_a_flagged_scan_can_be_included(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c", patients=4, test_share=0.0)
    table = cohort.manifest.copy()
    table.loc[0, "flags"] = "burned_in_text;lossy"
    table.to_parquet(cohort.folder / "manifest.parquet")
    cohort = Cohort.open(cohort.folder)
    assert "S0000" not in cohort.pool() and len(cohort.pool()) == 7
    cohort.decide("include", "scan", ["S0000"], reason="only a side marker")
    assert len(cohort.pool()) == 8
    cohort.decide("exclude", "patient", ["P000"], reason="withdrawn")
    assert len(cohort.pool()) == 6
