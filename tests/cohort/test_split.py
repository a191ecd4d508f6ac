from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given as given_values
from hypothesis import settings
from hypothesis import strategies as st

from workbench.cohort.keys import SiteKey
from workbench.cohort.split import Split, SplitRule, given, position, stratified
from workbench.errors import InputError, OperationFailed

KEY = SiteKey(bytes(range(32)))
NEW = Split(SplitRule(test_share=0.25), KEY.fingerprint)


def alone(numbers: range) -> dict[str, str]:
    return {f"P{number:03d}": f"G{number:03d}" for number in numbers}


def unknown(patient: str) -> bool:
    return False


def test_reserved_are_the_groups_whose_keyed_hash_falls_below_the_share():
    split, moved = NEW.grown(KEY, alone(range(200)), unknown)
    expected = [f"P{n:03d}" for n in range(200) if KEY.share(f"split|0|P{n:03d}") < 0.25]
    assert list(split.test_patients) == expected
    assert 30 <= len(expected) <= 70
    assert moved == ()


def test_another_seed_reserves_others_and_share_zero_nobody():
    first, _ = NEW.grown(KEY, alone(range(100)), unknown)
    other, _ = Split(SplitRule(seed=1), KEY.fingerprint).grown(KEY, alone(range(100)), unknown)
    assert set(first.test_patients) != set(other.test_patients)
    none, _ = Split(SplitRule(test_share=0.0), KEY.fingerprint).grown(KEY, alone(range(100)), unknown)
    assert none.test_patients == ()


@settings(max_examples=40, deadline=None)
@given_values(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60), min_size=1))
def test_growing_never_moves_a_patient(first: set[int], more: set[int]):
    before, _ = NEW.grown(KEY, {f"P{n:03d}": f"G{n:03d}" for n in first}, unknown)
    known = {f"P{n:03d}" for n in first}
    after, moved = before.grown(KEY, {f"P{n:03d}": f"G{n:03d}" for n in first | more}, known.__contains__)
    assert moved == ()
    assert set(after.test_patients) & known == set(before.test_patients)
    at_once, _ = NEW.grown(KEY, {f"P{n:03d}": f"G{n:03d}" for n in first | more}, unknown)
    assert after.digest == at_once.digest


def test_newcomer_goes_where_its_group_is():
    split, _ = NEW.grown(KEY, alone(range(50)), unknown)
    reserved = split.test_patients[0]
    free = next(patient for patient in alone(range(50)) if patient not in split.test_patients)
    groups = {**alone(range(50)), "P900": "G" + reserved[1:], "P901": "G" + free[1:]}
    grown, moved = split.grown(KEY, groups, alone(range(50)).__contains__)
    assert "P900" in grown.test_patients and "P901" not in grown.test_patients and moved == ()


def test_link_between_reserved_and_free_moves_both_to_development():
    split, _ = NEW.grown(KEY, alone(range(50)), unknown)
    reserved = split.test_patients[0]
    free = next(patient for patient in alone(range(50)) if patient not in split.test_patients)
    groups = alone(range(50))
    groups[reserved] = groups[free] = "G" + min(reserved, free)[1:]
    grown, moved = split.grown(KEY, groups, alone(range(50)).__contains__)
    assert moved == (reserved,) and grown.moved == (reserved,)
    assert set(split.test_patients) - set(grown.test_patients) == {reserved}
    again, moved_again = grown.grown(KEY, groups, alone(range(50)).__contains__)
    assert moved_again == () and again.digest == grown.digest and again.moved == (reserved,)


def test_reserved_patient_without_files_stays_reserved():
    split, _ = NEW.grown(KEY, alone(range(50)), unknown)
    fewer, _ = split.grown(KEY, alone(range(1)), lambda patient: True)
    assert set(fewer.test_patients) >= set(split.test_patients) - {"P000"}


def test_written_and_read_again(tmp_path: Path):
    split, _ = NEW.grown(KEY, alone(range(30)), unknown)
    split.write(tmp_path)
    assert Split.read(tmp_path) == split
    content = json.loads((tmp_path / "split.json").read_text())
    assert content["digest"] == split.digest and content["rule"]["from"] == ""
    content["test_patients"].append("P999")
    (tmp_path / "split.json").write_text(json.dumps(content))
    with pytest.raises(OperationFailed, match="changed by hand"):
        Split.read(tmp_path)
    (tmp_path / "split.json").unlink()
    with pytest.raises(OperationFailed, match="cannot be read"):
        Split.read(tmp_path)


def test_is_test_answers_for_scans():
    split = Split(SplitRule(), "f", ("P1",)).with_manifest(
        pd.DataFrame({"scan_id": ["a", "b"], "patient_key": ["P1", "P2"]})
    )
    assert split.is_test(["b", "a", "a"]).tolist() == [False, True, True]
    with pytest.raises(InputError, match="scan c is not in this cohort"):
        split.is_test(["c"])


def test_stratified_keeps_the_share_in_each_stratum():
    groups = alone(range(40))
    strata = {f"G{n:03d}": "rare" if n < 8 else "common" for n in range(40)}
    test = stratified(SplitRule(test_share=0.25), KEY, groups, strata)
    assert sum(int(patient[1:]) < 8 for patient in test) == 2
    assert len(test) == 10
    lowest = sorted(range(8), key=lambda n: position(KEY, f"G{n:03d}", 0))[:2]
    assert {f"P{n:03d}" for n in lowest} <= set(test)


def test_given_split_sends_straddling_groups_to_development():
    groups = {"P1": "G1", "P2": "G1", "P3": "G3", "P4": "G4"}
    test, straddling = given(groups, [("P1", True), ("P2", False), ("P3", True), ("P3", True), ("P4", False)])
    assert test == ("P3",) and straddling == 1
    after = Split(SplitRule(mode="given"), KEY.fingerprint, test)
    grown, _ = after.grown(KEY, {**groups, **alone(range(100, 150))}, groups.__contains__)
    assert grown.test_patients == ("P3",)
