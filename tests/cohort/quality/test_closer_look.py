from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.cohort.making import write_dicom
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import closer_look, near_duplicates, report
from workbench.errors import OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Thirty pictures of thirty patients; the last is a brighter, noisy copy of the first."""
    rng = np.random.default_rng(0)
    for number in range(30):
        smooth = gaussian_filter(rng.normal(size=(96, 96)), 5)
        values = (2000 + 900 * smooth / np.abs(smooth).max()).astype(np.uint16)
        if number == 0:
            first = values
        if number == 29:
            values = (first * 1.1 + rng.normal(0, 9, first.shape)).astype(np.uint16)
        write_dicom(tmp_path / "in" / f"{number}.dcm", patient=f"P{number}", instance=str(number), values=values)
    workspace = Workspace(tmp_path)
    index(IndexSettings(sources=[tmp_path / "in"], cohort="c", test_share=0.0), workspace=workspace)
    return Cohort.open(workspace.cohort_dir("c"))


def test_a_copy_is_found_once_it_was_compared(cohort: Cohort):
    before = report.write(cohort)
    assert before.finding("like_pairs").count == 1
    assert closer_look.look(cohort, before.evidence, None, progress=Progress(quiet=True)) == 1
    after = report.write(cohort)
    assert after.finding("near_duplicates").count == 1 and "like_pairs" not in {item.code for item in after.findings}
    assert set(after.finding("near_duplicates").scans) == {cohort.manifest["scan_id"][n] for n in (0, 22)}
    assert closer_look.look(cohort, after.evidence, None, progress=Progress(quiet=True)) == 0


def test_the_next_index_ties_the_patients_of_a_copy_together(cohort: Cohort, tmp_path: Path):
    found = report.write(cohort)
    assert cohort.manifest["group"].nunique() == 30
    closer_look.look(cohort, found.evidence, None, progress=Progress(quiet=True))
    assert "Index the cohort again" in report.write(cohort).finding("near_duplicates").default
    index(IndexSettings(sources=[tmp_path / "in"], cohort="c"), workspace=Workspace(tmp_path))
    again = Cohort.open(cohort.folder)
    assert again.manifest["group"].nunique() == 29 and again.manifest["patient_key"].nunique() == 30
    assert "stay in one group" in report.write(again).finding("near_duplicates").default


def test_too_many_pairs_ask_for_features(cohort: Cohort, monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", 0)
    with pytest.raises(OperationFailed, match="features=FILE"):
        closer_look.look(cohort, report.write(cohort).evidence, None, progress=Progress(quiet=True))
