from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset

from tests.cohort.making import pixels, write_dicom
from tests.cohort.quality.test_statistics import frame, radiograph
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality.measures import COLUMNS, Measuring, is_blank
from workbench.cohort.quality.statistics import statistics_of
from workbench.dicom import open_image
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


def measured(file: Path, number: int = 0) -> tuple[dict, tuple[str, ...]]:
    image = open_image(file)
    measuring = Measuring(image)
    for place in range(number + 1):
        row, flags = measuring.frame("S", place, image.frame(place))
    return dict(zip([name for name, _ in COLUMNS], row, strict=True)), flags


@pytest.mark.parametrize(
    ("values", "blank"),
    [
        (np.full((64, 64), 5), True),
        (np.where(np.arange(64 * 64).reshape(64, 64) == 2000, 4000, 5), True),
        (np.tile([100, 110], (64, 32)), True),  # ten of 4,096 values
        (radiograph(size=64), False),
    ],
)
def test_what_is_blank(values, blank):
    given = frame(values)
    assert is_blank(statistics_of(given), given) is blank


def test_a_dark_mr_with_few_values_is_not_blank():
    given = frame(np.random.default_rng(0).integers(0, 60, (64, 64)), modality="MR", ends=(0.0, 65535.0))
    assert not is_blank(statistics_of(given), given)


def test_bits_beyond_the_stored_ones(tmp_path: Path):
    values = pixels(1, 64, 64)
    values[20:40, 20:40] |= 0x2000
    row, _ = measured(write_dicom(tmp_path / "a.dcm", values=values))
    assert row["bits_beyond"] == 1 and row["high"] <= 4095
    assert measured(write_dicom(tmp_path / "b.dcm", values=pixels(1, 64, 64)))[0]["bits_beyond"] == 0


def test_header_measures_and_saved_screens(tmp_path: Path):
    file = write_dicom(
        tmp_path / "a.dcm", PatientAge="020Y", LossyImageCompressionRatio="12", SeriesDescription="Screen save"
    )
    row, flags = measured(file)
    assert (row["age_differs"], row["lossy_ratio"], flags) == (1, 12.0, ("saved_screen",))


def test_an_ultrasound_with_bright_pixels_outside_its_region(tmp_path: Path):
    region = Dataset()
    region.RegionDataType, region.RegionSpatialFormat = 1, 1
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 20, 20
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 99, 99
    values = np.zeros((100, 100), np.uint16)
    values[20:, 20:] = pixels(2, 80, 80)
    values[:10, :36] = 4095
    us = {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "values": values}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row, _ = measured(write_dicom(tmp_path / "a.dcm", SequenceOfUltrasoundRegions=[region], **us))
        assert row["bright_outside"] == 0.1
        region.RegionLocationMaxX1 = 595  # stale: it leaves the picture
        row, _ = measured(write_dicom(tmp_path / "b.dcm", SequenceOfUltrasoundRegions=[region], **us))
    assert row["bright_outside"] is None


def test_the_index_keeps_them_in_private_and_measures_changed_files_again(tmp_path: Path):
    write_dicom(tmp_path / "in" / "a.dcm", values=pixels(1, 64, 64))
    workspace = Workspace(tmp_path)
    settings = IndexSettings(sources=[tmp_path / "in"], cohort="c", test_share=0.0)
    index(settings, workspace=workspace)
    cohort = Cohort.open(workspace.cohort_dir("c"))
    table = pd.read_parquet(cohort.private / "measures.parquet")
    assert table["scan_id"].tolist() == cohort.manifest["scan_id"].tolist()
    assert table["high"].tolist() == [pixels(1, 64, 64).max()]
    write_dicom(tmp_path / "in" / "a.dcm", values=np.full((64, 64), 7, np.uint16))
    index(settings, workspace=workspace)
    assert pd.read_parquet(cohort.private / "measures.parquet")["high"].tolist() == [7.0]
    assert Cohort.open(cohort.folder).manifest["flags"].tolist() == ["blank"]
