from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cohort.making import pixels, small_cohort, write_dicom
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import report
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Two patients with one picture between them, a blank one, and one on which text is burned in."""
    folder = tmp_path / "in"
    for number, patient in ((1, "A"), (2, "B")):
        write_dicom(folder / f"{number}.dcm", patient=patient, instance=str(number), values=pixels(1, 80, 80))
    write_dicom(folder / "3.dcm", patient="C", instance="3", values=np.full((80, 80), 9, np.uint16))
    write_dicom(folder / "4.dcm", patient="D", instance="4", values=pixels(4, 80, 80), BurnedInAnnotation="YES")
    workspace = Workspace(tmp_path)
    index(IndexSettings(sources=[folder], cohort="c", test_share=0.0), workspace=workspace)
    return Cohort.open(workspace.cohort_dir("c"))


def known(cohort: Cohort) -> dict:
    return {item["code"]: item for item in report.known_numbers(cohort)["findings"]}


def test_findings_lists_and_page_are_written(cohort: Cohort):
    findings = known(cohort)
    assert findings["same_picture_two_patients"]["level"] == "stop"
    assert report.known_numbers(cohort)["decisions_needed"] == 2
    with (cohort.folder / findings["same_picture_two_patients"]["list"]).open() as stream:
        rows = list(csv.DictReader(stream))
    table = cohort.manifest.set_index("scan_id")
    assert len(rows) == 2
    for row in rows:
        assert row["patient_key"] == table.loc[row["scan_id"], "patient_key"]
    assert not [code for code in findings if code.startswith("failed_")]


def test_the_page_shows_examples_but_none_that_may_carry_text(cohort: Cohort):
    page = (cohort.folder / "intake.html").read_text(encoding="utf-8")
    table = cohort.manifest.set_index("flags")
    assert page.count("data:image/jpeg;base64,") >= 3
    assert f"picture {table.loc['blank', 'scan_id']}'" in page
    assert f"picture {table.loc['burned_in_text', 'scan_id']}'" not in page


def test_lists_of_findings_that_are_gone_go_too(cohort: Cohort):
    stale = cohort.folder / "findings" / "Q99-stale.csv"
    stale.write_text("x", encoding="utf-8")
    report.write(cohort)
    assert not stale.exists()


def test_a_finding_is_found_by_code_or_rule(cohort: Cohort):
    found = report.write(cohort)
    assert found.finding("q2").code == found.finding("same_picture_two_patients").code
    with pytest.raises(InputError, match="no finding 'Q77'.*same_picture"):
        found.finding("Q77")
    assert {item.rule for item in found.findings} >= {"Q2", "Q4", "Q22"}


def test_an_index_that_grows_asks_again(cohort: Cohort, tmp_path: Path):
    from workbench.cohort import decisions

    key = known(cohort)["same_picture_two_patients"]["key"]
    decisions.add(cohort.folder, "confirm", "finding", [key], reason="one child")
    report.refresh(cohort)
    assert known(cohort)["same_picture_two_patients"]["decided"]["what"] == "keep"
    assert report.known_numbers(cohort)["decisions_needed"] == 1
    write_dicom(tmp_path / "in" / "5.dcm", patient="E", instance="5", values=pixels(1, 80, 80))
    index(IndexSettings(sources=[tmp_path / "in"], cohort="c"), workspace=Workspace(tmp_path))
    assert known(cohort)["same_picture_two_patients"]["decided"] is None


def test_a_cohort_without_an_index_has_no_report(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c")
    report.refresh(cohort)
    assert not (cohort.folder / "intake.json").exists()
    with pytest.raises(InputError, match="no report of an index"):
        report.write(cohort)


def test_the_numbers_are_json_without_lists_of_scans(cohort: Cohort):
    text = json.dumps(report.known_numbers(cohort))
    assert not any(scan in text for scan in cohort.manifest["scan_id"])
