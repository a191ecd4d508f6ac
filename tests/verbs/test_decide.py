from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cohort.making import pixels, write_dicom
from workbench.cli import main
from workbench.cohort.cohort import Cohort
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.decide import DecideSettings, decide
from workbench.verbs.index import IndexSettings, index


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "in"
    for number, patient in ((1, "A"), (2, "B")):
        write_dicom(folder / f"{number}.dcm", patient=patient, instance=str(number), values=pixels(1, 80, 80))
    write_dicom(folder / "3.dcm", patient="C", instance="3", values=np.full((80, 80), 9, np.uint16))
    write_dicom(folder / "4.dcm", patient="D", instance="4", values=pixels(4, 80, 80), BurnedInAnnotation="YES")
    found = Workspace(tmp_path)
    index(IndexSettings(sources=[folder], cohort="c", test_share=0.0), workspace=found)
    return found


def say(workspace: Workspace, **settings):
    return decide(DecideSettings(cohort="c", **settings), workspace=workspace)


def pool(workspace: Workspace) -> int:
    return len(Cohort.open(workspace.cohort_dir("c")).pool())


def test_listing_changes_nothing(workspace: Workspace):
    before = (workspace.cohort_dir("c") / "decisions.csv").read_bytes()
    found = say(workspace)
    assert found.decisions_needed == 2 and found.journal == [] and found.usable_scans == 2
    assert "2 need your decision." in found.summary() and "[needs your decision]" in found.summary()
    assert (workspace.cohort_dir("c") / "decisions.csv").read_bytes() == before


def test_keep_settles_a_finding(workspace: Workspace):
    found = say(workspace, action="keep", finding="Q2", reason="one child with two numbers", who="ann")
    assert found.decisions_needed == 1 and found.changed_scans == 0
    assert found.journal[0] | {"when": ""} == {
        "number": 1, "decisions": 1, "what": "confirm finding", "reason": "one child with two numbers", "who": "ann",
        "when": "", "undone": False,
    }  # fmt: skip
    assert "kept as it is" in found.summary()
    assert "Decided: kept as it is" in (workspace.cohort_dir("c") / "intake.html").read_text(encoding="utf-8")


def test_exclude_and_include_change_the_pool_and_can_be_undone(workspace: Workspace):
    assert pool(workspace) == 1
    assert say(workspace, action="exclude", finding="Q2").changed_scans == -2
    assert pool(workspace) == 0
    assert say(workspace, action="include", finding="burned_in_text", reason="a side marker only").changed_scans == 1
    assert pool(workspace) == 1
    undone = say(workspace, action="undo", number=1)
    assert undone.changed_scans == 2 and undone.journal[0]["undone"] and pool(workspace) == 2
    assert undone.decisions_needed == 1


def test_decisions_about_keys(workspace: Workspace):
    manifest = Cohort.open(workspace.cohort_dir("c")).manifest
    found = say(workspace, action="exclude", patients=manifest["patient_key"][0], reason="withdrew consent")
    assert found.usable_scans == 1
    assert say(workspace, action="exclude", scans=f"{manifest['scan_id'][1]},", reason="blurred").usable_scans == 0
    with pytest.raises(InputError, match="needs a reason"):
        say(workspace, action="exclude", scans=manifest["scan_id"][1])
    with pytest.raises(InputError, match="no patient PNONE"):
        say(workspace, action="exclude", patients="PNONE", reason="x")


def test_words_that_do_not_go_together(workspace: Workspace):
    for settings, sentence in (
        ({"action": "exclude"}, "Say what is decided"),
        ({"action": "exclude", "finding": "Q2", "scans": "S1"}, "Say what is decided"),
        ({"action": "keep", "scans": "S1"}, "'keep' is said about a finding"),
        ({"action": "include", "finding": "Q2"}, "cannot say 'include'.*keep, exclude"),
        ({"action": "keep", "finding": "nothing"}, "no finding 'nothing'"),
        ({"action": "undo", "number": 3}, "no decision number 3"),
        ({"action": "sign"}, "signature needs a name"),
        ({"sign": "Dr Ray"}, "No contact sheet was made yet"),
        ({"action": "keep", "finding": "Q2", "reason": "Doe^Jane said so"}, "without naming a patient"),
    ):
        with pytest.raises(InputError, match=sentence):
            say(workspace, **settings)
    assert say(workspace).journal == []


def test_sheet_and_signature(workspace: Workspace):
    made = say(workspace, action="sheet")
    assert Path(made.sheet).is_file() and "1 suspect and 3 others" in made.summary()
    signed = say(workspace, sign="Dr Ray")
    assert signed.action == "sign" and signed.journal[0]["who"] == "Dr Ray"
    assert "signed by Dr Ray" in signed.summary()


def test_check_with_features(workspace: Workspace, tmp_path: Path):
    ids = Cohort.open(workspace.cohort_dir("c")).manifest["scan_id"].to_numpy(str)
    np.savez(tmp_path / "f.npz", scan_id=ids, features=np.eye(len(ids), dtype=np.float32))
    found = say(workspace, action="check", features=tmp_path / "f.npz")
    assert found.compared_pairs == 0 and "0 pairs were compared" in found.summary()


def test_on_the_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    words = ["--workspace", str(workspace.root), "--quiet", "--json"]
    assert main(["decide", "c", "keep", "finding=Q2", *words]) == 0
    assert json.loads(capsys.readouterr().out)["decisions_needed"] == 1
    assert main(["decide", "c", "drop", *words]) == 2
    assert "action" in capsys.readouterr().err
    assert main(["decide", "nobody", *words]) == 2
