from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cohort.making import pixels, write_dicom
from workbench.cohort import decisions
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import contact_sheet, report
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

US = {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"}


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """A clip of four frames, an ultrasound picture, and sixty plain radiographs."""
    clip = np.stack([pixels(seed, 48, 48) for seed in range(4)])
    write_dicom(tmp_path / "in" / "clip.dcm", patient="U", instance="90", values=clip, **US)
    write_dicom(tmp_path / "in" / "us.dcm", patient="V", instance="91", values=pixels(9, 48, 48), **US)
    for number in range(60):
        name = str(number + 1)
        write_dicom(tmp_path / "in" / f"{name}.dcm", patient=name, instance=name, values=pixels(number + 100, 48, 48))
    workspace = Workspace(tmp_path)
    index(IndexSettings(sources=[tmp_path / "in"], cohort="c", test_share=0.0), workspace=workspace)
    return Cohort.open(workspace.cohort_dir("c"))


def test_all_suspects_once_per_clip_and_fifty_others(cohort: Cohort):
    sheet = contact_sheet.make(cohort, report.write(cohort).evidence, limit=100)
    assert (sheet.suspects, sheet.others, sheet.left_out, sheet.missing) == (2, 50, 0, 0)
    page = sheet.file.read_text(encoding="utf-8")
    assert page.count("<img") == page.count("alt='Picture S") == 52 and page.count("class=suspect") == 2
    assert sheet.file.parent == cohort.private and sheet.file.stat().st_mode & 0o077 == 0
    assert "http" not in page and set(re.findall(r"src='(.{10})", page)) == {"data:image"}


def test_a_limit_is_told(cohort: Cohort):
    sheet = contact_sheet.make(cohort, report.write(cohort).evidence, limit=1)
    assert (sheet.suspects, sheet.left_out) == (1, 1)
    assert "1 further suspects are not on this sheet" in sheet.file.read_text(encoding="utf-8")


def test_a_signature_covers_what_was_shown_and_names_leave_with_their_clip(cohort: Cohort):
    found = report.write(cohort)
    with pytest.raises(InputError, match="No contact sheet was made yet"):
        contact_sheet.sign(cohort, found.evidence, who="Dr Ray", reason="seen", named=[])
    contact_sheet.make(cohort, found.evidence, limit=100)
    clip = cohort.manifest.loc[cohort.manifest["frames"] == 4, "scan_id"].tolist()
    _, out = contact_sheet.sign(cohort, found.evidence, who="Dr Ray", reason="a name on the clip", named=clip[:1])
    assert out == 4 and not set(clip) & set(cohort.pool())
    again = report.write(cohort)
    assert again.decided["text_suspected"]["who"] == "Dr Ray"
    assert again.numbers["contact_sheet"]["signed_by"] == "Dr Ray"
    decisions.undo(cohort.folder, 1, reason="wrong sheet")
    assert set(clip) <= set(cohort.pool())
    assert "text_suspected" not in report.write(cohort).decided


def test_a_sheet_that_left_suspects_out_does_not_settle_the_finding(cohort: Cohort):
    found = report.write(cohort)
    contact_sheet.make(cohort, found.evidence, limit=1)
    contact_sheet.sign(cohort, found.evidence, who="Dr Ray", reason="seen", named=[])
    assert "text_suspected" not in report.write(cohort).decided


def test_unknown_scans_are_refused(cohort: Cohort):
    found = report.write(cohort)
    contact_sheet.make(cohort, found.evidence, limit=1)
    with pytest.raises(InputError, match="no scan SNONE"):
        contact_sheet.sign(cohort, found.evidence, who="Dr Ray", reason="seen", named=["SNONE"])
    assert decisions.acts(cohort.folder) == []
