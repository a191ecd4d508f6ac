from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cohort.making import write_dicom
from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import hounsfield
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

CT = "1.2.840.10008.5.1.4.1.1.2"


def body(seed: int, air: int = -1000) -> np.ndarray:
    values = np.full((64, 64), air + 1024, np.uint16)
    values[16:48, 16:48] = 1064 + np.random.default_rng(seed).integers(0, 60, (32, 32))
    return values


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    number = 0
    for series, (air, intercept) in enumerate(((-1000, -1024), (-1000, 0), (-550, -1024))):
        for _ in range(3):
            number += 1
            write_dicom(
                tmp_path / "ct" / f"{number}.dcm",
                patient=f"P{series}",
                series=str(series),
                instance=str(number),
                values=body(number, air),
                Modality="CT",
                SOPClassUID=CT,
                RescaleIntercept=str(intercept),
                RescaleSlope="1",
            )
    workspace = Workspace(tmp_path / "ws")
    index(IndexSettings(sources=[tmp_path / "ct"], cohort="ct", test_share=0.0), workspace=workspace)
    return Cohort.open(workspace.cohort_dir("ct"))


def test_series_without_air_are_kept_aside_as_a_whole(cohort: Cohort):
    flags = cohort.manifest.groupby("series_key")["flags"].agg(lambda rows: {"hu_suspect" in row for row in rows})
    assert sorted(map(sorted, flags)) == [[False], [True], [True]]
    assert len(cohort.pool()) == 3


def test_the_finding_counts_series_and_says_why():
    given = evidence(
        modality="CT",
        flags=some(20, {0: "hu_suspect", 1: "hu_suspect", 2: "hu_suspect"}, ""),
        series_key=["a", "a", "b", *["c"] * 17],
        air_hu=some(20, {0: np.nan, 1: -550.0, 2: np.nan}, -1000.0),
    )
    found = one(hounsfield.hounsfield(given), "hounsfield")
    assert (found.level, found.count) == ("stop", 2)
    assert list(found.details) == ["no air", "air at -550 HU", "no air"]


def test_slices_without_air_do_not_condemn_a_series_with_air():
    assert hounsfield._suspects(iter([("a", None), ("a", None), ("a", -995.0), ("b", None), ("c", -1200.0)])) == [
        "b",
        "c",
    ]
