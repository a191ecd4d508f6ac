from __future__ import annotations

from pathlib import Path

from tests.cohort.making import write_dicom
from workbench.cohort.facts import facts_of, join_flags
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import PendingFile
from workbench.dicom import read_header

KEY = SiteKey(bytes(range(32)))


def facts(file: Path, site: str = ""):
    return facts_of(read_header(file), PendingFile(0, str(file), "", 1, site), KEY)


def test_identifiers_become_keys(tmp_path: Path):
    found, links = facts(write_dicom(tmp_path / "a.dcm", patient="007", study="5", instance="51"))
    assert found["patient_key"] == KEY.patient("", "007") and found["patient_unknown"] == 0
    assert found["path_key"] == KEY.path(str(tmp_path / "a.dcm"))
    assert {kind: hashed for kind, _, hashed in links} == {
        "patient": KEY.link("patient", "007"),
        "patient_loose": KEY.link("patient_loose", "7"),
    }
    assert "007" not in [str(value) for value in found.values()]


def test_without_a_patient_the_study_stands_in_and_nothing_is_linked(tmp_path: Path):
    found, links = facts(write_dicom(tmp_path / "a.dcm", patient=" "), "north")
    raw = read_header(tmp_path / "a.dcm").identifiers
    assert found["patient_key"] == KEY.unknown_patient(raw.study_uid) and links == ()
    assert (found["patient_unknown"], found["flags"], found["site"]) == (1, "patient_unknown", "north")


def test_flags_are_sorted_and_unique():
    assert join_flags("b;a", ["c", "a"], "") == "a;b;c"
