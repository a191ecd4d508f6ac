from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cohort.making import small_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.export_guard import check_pictures_may_leave
from workbench.errors import InputError


def with_findings(folder: Path, *findings: tuple[str, bool]) -> Cohort:
    cohort = small_cohort(folder, patients=2)
    items = [
        {"code": code, "sentence": f"About {code}.", "decided": {"who": "x"} if done else None}
        for code, done in findings
    ]
    (cohort.folder / "intake.json").write_text(json.dumps({"findings": items}), encoding="utf-8")
    return cohort


def test_decided_and_other_findings_open_the_gate(tmp_path: Path):
    check_pictures_may_leave(with_findings(tmp_path / "c", ("face_possible", True), ("clipped", False)))


@pytest.mark.parametrize("code", ["burned_in_text", "saved_screen", "text_suspected", "face_possible"])
def test_an_undecided_finding_shuts_it(tmp_path: Path, code: str):
    cohort = with_findings(tmp_path / "c", (code, False))
    with pytest.raises(InputError, match=f"may not leave yet: About {code}.*finding={code}"):
        check_pictures_may_leave(cohort)


def test_small_pictures_show_no_face(tmp_path: Path):
    check_pictures_may_leave(with_findings(tmp_path / "c", ("face_possible", False)), whole_slices=False)


def test_without_a_report_nothing_leaves(tmp_path: Path):
    with pytest.raises(InputError, match="no intake report"):
        check_pictures_may_leave(small_cohort(tmp_path / "c", patients=2))
