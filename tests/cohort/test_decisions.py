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
    decisions.add(tmp_path, "confirm", "finding", ["uid_conflict:1"], reason="seen")
    assert decisions.standing(tmp_path, "exclude") == {"scan_id": {"S2"}, "patient_key": {"P1"}}
    lines = decisions.read(tmp_path)
    assert [line["decision"] for line in lines] == ["exclude", "exclude", "exclude", "include", "confirm"]
    assert lines[0]["who"] == "ann" and lines[2]["who"]


def test_an_act_is_undone_as_a_whole_and_what_stood_before_stands_again(tmp_path: Path):
    decisions.add(tmp_path, "exclude", "scan", ["S1", "S2"], reason="first")
    decisions.add(tmp_path, "include", "scan", ["S1"], reason="second")
    assert decisions.undo(tmp_path, 2, reason="a mistake").lines == (("include", "scan", "S1"),)
    assert decisions.standing(tmp_path, "exclude") == {"scan_id": {"S1", "S2"}}
    decisions.undo(tmp_path, 1, reason="all was well")
    assert decisions.standing(tmp_path, "exclude") == {} == decisions.standing(tmp_path, "include")
    assert [act.undone for act in decisions.acts(tmp_path)] == [True, True, False, False]


def test_an_undoing_can_be_undone(tmp_path: Path):
    decisions.add(tmp_path, "exclude", "scan", ["S1"], reason="first")
    decisions.undo(tmp_path, 1, reason="no")
    decisions.undo(tmp_path, 2, reason="yes after all")
    assert decisions.standing(tmp_path, "exclude") == {"scan_id": {"S1"}}
    with pytest.raises(InputError, match="number 2 was undone already"):
        decisions.undo(tmp_path, 2, reason="again")
    with pytest.raises(InputError, match="no decision number 9.*from 1 to 3"):
        decisions.undo(tmp_path, 9, reason="x")


def test_an_act_of_several_decisions(tmp_path: Path):
    decisions.add_act(tmp_path, [("exclude", "scan", "S1"), ("confirm", "finding", "f:1")], reason="leak", who="bo")
    (act,) = decisions.acts(tmp_path)
    assert act.who == "bo" and set(decisions.confirmed(tmp_path, "finding")) == {"f:1"}
    decisions.undo(tmp_path, 1, reason="no")
    assert decisions.confirmed(tmp_path, "finding") == {} and decisions.standing(tmp_path, "exclude") == {}


def test_wrong_words_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="Unknown decision 'drop'"):
        decisions.add(tmp_path, "drop", "scan", ["S1"], reason="x")
    with pytest.raises(InputError, match="Unknown scope 'image'"):
        decisions.add(tmp_path, "exclude", "image", ["S1"], reason="x")
    with pytest.raises(InputError, match="needs a reason"):
        decisions.add(tmp_path, "exclude", "scan", ["S1"], reason=" ")
    with pytest.raises(InputError, match="without naming a patient"):
        decisions.add(tmp_path, "exclude", "scan", ["S1"], reason="Doe^Jane asked")
    assert decisions.read(tmp_path) == []


def test_exclusions_leave_the_pool_and_change_the_version(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c")
    before, pool = cohort.version, cohort.pool()
    cohort.decide("exclude", "scan", [pool[0]], reason="blurred")
    assert set(pool) - set(cohort.pool()) == {pool[0]}
    assert cohort.version != before
    with pytest.raises(InputError, match="no scan S-absent"):
        cohort.decide("exclude", "scan", ["S-absent"], reason="x")
    decisions.undo(cohort.folder, 1, reason="it was sharp")
    assert list(cohort.pool()) == list(pool)


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
