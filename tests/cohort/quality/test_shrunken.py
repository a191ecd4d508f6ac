from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import RLELossless

from tests.cohort.making import pixels, write_dicom
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import shrunken
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    write_dicom(tmp_path / "in" / "1.dcm", patient="A", instance="1", values=pixels(1, 90, 60))
    file = write_dicom(tmp_path / "in" / "2.dcm", patient="B", instance="2", values=pixels(2, 90, 60))
    packed = pydicom.dcmread(file)
    packed.compress(RLELossless)
    packed.save_as(file)
    write_dicom(tmp_path / "in" / "3.dcm", patient="C", instance="3", values=pixels(3, 90, 60))
    workspace = Workspace(tmp_path)
    index(IndexSettings(sources=[tmp_path / "in"], cohort="c", test_share=0.0), workspace=workspace)
    return Cohort.open(workspace.cohort_dir("c"))


def test_thumbnails_hold_pixels_and_nothing_else(cohort: Cohort):
    made = shrunken.thumbnails(cohort, cohort.manifest["scan_id"], 45)
    assert set(made) == set(cohort.manifest["scan_id"])
    for jpeg in made.values():
        picture = Image.open(io.BytesIO(jpeg))
        assert picture.size == (30, 45) and picture.mode == "L"
        assert not picture.getexif() and set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert b"Doe" not in jpeg and b"Adobe" not in jpeg


def test_a_file_that_is_gone_or_damaged_is_left_out(cohort: Cohort, tmp_path: Path):
    (tmp_path / "in" / "1.dcm").unlink()
    (tmp_path / "in" / "2.dcm").write_bytes(b"no DICOM")
    made = shrunken.thumbnails(cohort, [*cohort.manifest["scan_id"], "SUNKNOWN"], 45)
    assert set(made) == {cohort.manifest["scan_id"][2]}


def test_small_values_are_means(cohort: Cohort):
    scan = cohort.manifest["scan_id"][0]
    found = shrunken.small_values(cohort, [scan], 30)[scan]
    expected = pixels(1, 90, 60).reshape(30, 3, 30, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_thumbnails_are_kept_and_forgotten(cohort: Cohort, tmp_path: Path):
    first, second, _ = cohort.manifest["scan_id"]
    kept = shrunken.cached(cohort, [first], 40)
    (tmp_path / "in" / "1.dcm").unlink()
    assert shrunken.cached(cohort, [first], 40) == kept
    shrunken.cached(cohort, [second], 40)
    assert [file.name for file in (cohort.private / "thumbnails").iterdir()] == [f"{second}-40.jpg"]
