"""Labelling by click: who is asked what, what is kept, and what is published."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.making import make_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.review.labelling import (
    TEST,
    Labelling,
    cases_for,
    labellings,
    open_labelling,
    progress,
    publish,
    say,
    standing,
    start_labelling,
)
from workbench.runs.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    key = tmp_path / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
    yield Workspace(tmp_path / "w")


@pytest.fixture
def cohort(workspace: Workspace) -> Cohort:
    made, _ = make_cohort(workspace, patients=60)
    for file in (made.folder / "labels").glob("*.parquet"):
        file.unlink()  # a cohort that nobody has labelled
    return Cohort.open(made.folder)


def start(workspace: Workspace, cohort: Cohort, **more: object) -> Labelling:
    wanted = {"test_patients": 6, "patients": 10, "who": "reader A", **more}
    return start_labelling(workspace, cohort, "nodules", "Is there a nodule?", ["no", "yes"], **wanted)  # pyright: ignore


def test_test_patients_come_first_each_patient_once(workspace: Workspace, cohort: Cohort) -> None:
    found = start(workspace, cohort)
    assert [case["reserved"] for case in found.cases] == [True] * 6 + [False] * 10
    assert {case["reason"] for case in found.cases[:6]} == {TEST}
    assert len({case["patient_key"] for case in found.cases}) == 16
    reserved = cohort.split().is_test([case["scan_id"] for case in found.cases])
    assert reserved.tolist() == [True] * 6 + [False] * 10
    assert found.options == ["no", "yes", "cannot tell", "bad picture"]
    assert labellings(workspace, cohort.name) == ["nodules"] == labellings(workspace)
    assert open_labelling(workspace, "nodules") == found


def test_proposed_cases_keep_their_order_and_reason_and_no_test_patient_is_taken(
    workspace: Workspace, cohort: Cohort
) -> None:
    scans = cohort.manifest["scan_id"].tolist()
    is_test = cohort.split().is_test(scans)
    free = [scan for scan, test in zip(scans, is_test, strict=True) if not test][::2][:3]
    tested = next(scan for scan, test in zip(scans, is_test, strict=True) if test)
    found = start(
        workspace,
        cohort,
        test_patients=0,
        patients=5,
        proposed=[(tested, "uncertain"), *((s, "typical") for s in free)],
    )
    assert [case["scan_id"] for case in found.cases[:3]] == free
    assert [case["reason"] for case in found.cases] == ["typical"] * 3 + ["by chance"] * 2
    assert tested not in {case["scan_id"] for case in found.cases}


def test_a_key_sent_twice_counts_once_and_the_last_answer_stands(workspace: Workspace, cohort: Cohort) -> None:
    found = start(workspace, cohort)
    scan = found.cases[0]["scan_id"]
    assert say(workspace, found, scan, "yes", reader="A", sequence="1", seconds=8)
    assert not say(workspace, found, scan, "no", reader="A", sequence="1")
    assert [(a.scan_id, a.answer) for a in standing(workspace, found)] == [(scan, "yes")]
    say(workspace, found, scan, "no", reader="A", sequence="2", note="old fracture", view="frame 3, 40/400")
    (kept,) = standing(workspace, found)
    assert (kept.answer, kept.note) == ("no", "old fracture")
    assert cases_for(found, standing(workspace, found), "A")[0]["scan_id"] == found.cases[1]["scan_id"]
    say(workspace, found, scan, "", reader="A", sequence="3")  # taken back
    assert standing(workspace, found) == []
    assert cases_for(found, [], "A")[0]["scan_id"] == scan


def test_answers_are_never_changed_or_removed(workspace: Workspace, cohort: Cohort) -> None:
    found = start(workspace, cohort)
    say(workspace, found, found.cases[0]["scan_id"], "yes", reader="A", sequence="1")
    with sqlite3.connect(workspace.database) as database:
        for statement in ("UPDATE labelling_answers SET answer = 'no'", "DELETE FROM labelling_answers"):
            with pytest.raises(sqlite3.IntegrityError, match="answers are never"):
                database.execute(statement)


def test_a_second_reader_is_asked_about_the_share_and_readers_do_not_wait_for_each_other(
    workspace: Workspace, cohort: Cohort
) -> None:
    found = start(workspace, cohort, second_share=0.25)
    assert sorted(case["readers"] for case in found.cases) == [1] * 12 + [2] * 4
    for number, case in enumerate(found.cases):
        say(
            workspace,
            found,
            case["scan_id"],
            "yes" if number % 2 else "no",
            reader="A",
            sequence=str(number),
            seconds=5,
        )
    said = standing(workspace, found)
    assert cases_for(found, said, "A") == []
    second = cases_for(found, said, "B")
    assert len(second) == 4 and all(case["readers"] == 2 for case in second)
    mine = {a.scan_id: a.answer for a in said}
    for number, case in enumerate(second):
        other = {"yes": "no", "no": "yes"}[mine[case["scan_id"]]] if number == 0 else mine[case["scan_id"]]
        say(workspace, found, case["scan_id"], other, reader="B", sequence=str(number))
    told = progress(found, standing(workspace, found))
    assert (told["done"], told["cases"], told["test_done"], told["test_cases"]) == (16, 16, 6, 6)
    assert (told["twice"], told["agree"]) == (4, 3) and told["agree_low"] < 0.75 < told["agree_high"]
    assert told["disputed"] == [second[0]["scan_id"]]
    assert told["readers"] == {"A": 16, "B": 4}


def test_before_the_first_answer_nothing_is_done(workspace: Workspace, cohort: Cohort) -> None:
    told = progress(start(workspace, cohort), [])
    assert (told["done"], told["disputed"], told["median_seconds"], told["kappa"]) == (0, [], None, None)


def test_published_labels_hold_who_agrees_and_say_how_cases_were_chosen(workspace: Workspace, cohort: Cohort) -> None:
    found = start(workspace, cohort)
    with pytest.raises(InputError, match="Labels need two different answers at least"):
        publish(workspace, cohort, found)
    said = ["yes", "no", "cannot tell", "bad picture", "yes"]
    for number, (case, answer) in enumerate(zip(found.cases, said, strict=False)):
        say(workspace, found, case["scan_id"], answer, reader="A", sequence=str(number))
    say(workspace, found, found.cases[4]["scan_id"], "no", reader="B", sequence="0")  # disputed
    labels = publish(workspace, cohort, found)
    read = Labels.read(cohort.folder)
    assert labels.version == read.version == "v1" and read.task == "binary" and read.classes == ["no", "yes"]
    assert dict(zip(read.table["scan_id"], read.table["label"], strict=True)) == {
        found.cases[0]["scan_id"]: "yes",
        found.cases[1]["scan_id"]: "no",
    }
    assert read.report["left_out"] == {"disputed": 1, "cannot tell": 1, "bad picture": 1}
    assert read.attributes["chosen"].tolist() == [TEST, TEST]
    say(workspace, found, found.cases[4]["scan_id"], "no", reader="C", sequence="0")  # two of three
    assert len(publish(workspace, cohort, found).table) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answers": ["yes"]}, "two to 9 different answers"),
        ({"answers": ["yes", "yes"]}, "two to 9 different answers"),
        ({"answers": ["yes", "cannot tell"]}, "two to 9 different answers"),
        ({"question": " "}, "Labelling needs a question"),
        ({"test_patients": 0, "patients": 0}, "nobody to label"),
        ({"second_share": 2.0}, "between 0 and 1"),
        ({"name": "../x"}, "name of the labelling"),
    ],
)
def test_mistakes_are_told(workspace: Workspace, cohort: Cohort, change: dict, words: str) -> None:
    given = {"name": "n", "question": "Is it?", "answers": ["no", "yes"], "who": "A", "test_patients": 2, "patients": 2}
    given |= change
    with pytest.raises(InputError, match=words):
        start_labelling(workspace, cohort, **given)


def test_names_cases_and_answers_that_do_not_exist(workspace: Workspace, cohort: Cohort) -> None:
    found = start(workspace, cohort)
    with pytest.raises(InputError, match="There is a labelling 'nodules' already"):
        start(workspace, cohort)
    with pytest.raises(InputError, match="There is no labelling 'masses'"):
        open_labelling(workspace, "masses")
    with pytest.raises(InputError, match="'maybe' is no answer"):
        say(workspace, found, found.cases[0]["scan_id"], "maybe", reader="A", sequence="1")
    with pytest.raises(InputError, match="is not in 'nodules'"):
        say(workspace, found, "S99999", "yes", reader="A", sequence="1")


@settings(max_examples=15, deadline=None)
@given(
    acts=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["no", "yes", "", "cannot tell"]), st.integers(0, 6)))
)
def test_whatever_is_sent_the_last_new_act_of_a_reader_stands(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[int, str, int]]
) -> None:
    root = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        key = root / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        workspace = Workspace(root / "w")
        cohort, _ = make_cohort(workspace, patients=12)
        found = start_labelling(
            workspace, cohort, "n", "Is it?", ["no", "yes"], who="A", test_patients=0, patients=4
        )  # fmt: skip
        wanted: dict[str, str] = {}
        seen: set[int] = set()
        for place, answer, sequence in acts:
            scan = found.cases[place % len(found.cases)]["scan_id"]
            new = say(workspace, found, scan, answer, reader="A", sequence=str(sequence))
            assert new == (sequence not in seen)
            if new:
                wanted[scan] = answer
            seen.add(sequence)
        assert {a.scan_id: a.answer for a in standing(workspace, found)} == {s: a for s, a in wanted.items() if a}
