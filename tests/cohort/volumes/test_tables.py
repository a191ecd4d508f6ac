"""Awkward series as DICOM files through the whole index: what becomes of each, and that nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cohort.volumes.dicom_series import AXIAL, CORONAL, SAGITTAL, along, pixels, write_enhanced, write_series
from workbench.cohort import Cohort
from workbench.cohort.keys import SiteKey
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexResult, IndexSettings, index

Z = np.arange(12.0)
SECRET = bytes(range(32))

TILT = [[-4.0, -6.0 + place * np.tan(np.radians(13.5)), place] for place in Z]
NEARLY = [("1", f"{1e-4 * (n % 2):g}", "0", f"{-1e-4 * (n % 2):g}", "1", "0") for n in range(12)]
JITTER = Z + np.random.default_rng(3).uniform(-0.015, 0.015, 12)
TWO_SPACINGS = [*np.arange(8) * 2.5, *(17.5 + 5 * np.arange(1, 7))]

AWKWARD = {
    1: ("reversed", "regular", "12 slices, 1.00 mm apart: a regular volume.", 1),
    2: ("shuffled", "regular", "12 slices, 1.00 mm apart: a regular volume.", 1),
    3: (
        "one missing",
        "missing_slices",
        "1 slice of an even stack is missing; 11 slices are there, made into 2 volumes.",
        2,
    ),
    4: ("3 % jitter", "regular_jitter", "12 slices, 1.00 mm apart give or take 2.2 %: used as a volume.", 1),
    5: (
        "two spacings",
        "piecewise",
        "The spacing changes within the stack (8 slices 2.50 mm apart, then 6 slices 5.00 mm apart): "
        "made into 2 volumes.",
        2,
    ),
    6: ("two phases", "regular", "12 slices, 1.00 mm apart: a regular volume.", 1),
    7: (
        "tilted gantry",
        "tilted",
        "12 slices, 1.03 mm apart along a line that leans by 13.5° (gantry tilt): used one by one, not as a volume, "
        "unless it is straightened.",
        0,
    ),
    8: ("localizers", "localizer", "3 planning pictures (localizer): kept out of training.", 0),
    9: ("orientation off by 1e-4", "regular", "12 slices, 1.00 mm apart: a regular volume.", 1),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("volumes")
    files = folder / "files"
    shuffled = [int(n) for n in np.random.default_rng(1).permutation(12) + 1]
    write_series(files, 1, along(Z), instance_numbers=list(range(12, 0, -1)))
    write_series(files, 2, along(Z), instance_numbers=shuffled)
    write_series(files, 3, along(np.delete(Z, 5)))
    write_series(files, 4, along(JITTER))
    write_series(files, 5, along(TWO_SPACINGS))
    for phase in (0, 1):
        write_series(files, 6, along(Z), first=12 * phase, AcquisitionNumber=str(phase + 1))
    write_series(files, 7, TILT)
    three = [AXIAL, SAGITTAL, CORONAL]
    write_series(files, 8, along([0, 0, 0]), orientations=three, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(files, 9, along(Z), orientations=NEARLY)
    write_series(files, 10, along([*Z[:6], *Z[:6]]))  # nothing tells two pictures at one place apart
    write_series(files, 11, along([*Z[:6], *Z[2:4]]), seeds=[*range(500, 506), 502, 503])  # two sent again
    write_enhanced(files, 12, [[2.0 * n, 10.0, 20.0] for n in (3, 0, 4, 1, 2)])
    slopes = [str(n + 1) for n in range(5)]
    write_series(files, 13, along(Z[:5]), modality="MR", per_slice={"RescaleSlope": slopes}, RescaleIntercept="3")
    mip = ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]
    write_series(files, 14, along(Z[:5]), modality="MR", ImageType=mip)
    (folder / "key").write_bytes(SECRET)
    return Workspace(folder)


@pytest.fixture(scope="module")
def result(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> IndexResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(workspace.root / "key"))
        return index(IndexSettings(sources=[workspace.root / "files"], cohort="awkward"), workspace=workspace)


@pytest.fixture
def cohort(workspace: Workspace, result: IndexResult, monkeypatch: pytest.MonkeyPatch) -> Cohort:
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(workspace.root / "key"))
    return Cohort.open(workspace.cohort_dir("awkward"))


def of_series(table: pd.DataFrame, number: int) -> pd.DataFrame:
    return table[table["series_key"] == SiteKey(SECRET).uid(f"2.25.9.{number}")]


@pytest.mark.parametrize("number", AWKWARD, ids=[case[0] for case in AWKWARD.values()])
def test_every_awkward_series_has_its_status_and_sentence(cohort, number):
    name, status, sentence, volumes = AWKWARD[number]
    stacks = of_series(cohort.stacks, number)
    assert set(stacks["status"]) == {status} and set(stacks["sentence"]) == {sentence}
    assert stacks["volumes"].tolist() == [volumes] * len(stacks)
    assert len(stacks) == (2 if name == "two phases" else 1)
    assert len(of_series(cohort.volumes, number)) == stacks["volumes"].sum()


def test_totals(cohort, result, workspace):
    assert result.seen == result.used + result.refused and result.refused == 0
    assert result.volumes == len(cohort.volumes) == 14 and result.series == 14
    said = json.loads((cohort.folder / "intake.json").read_text())
    assert said["totals"]["volumes"] == 14
    assert said["stacks"]["statuses"]["tilted"] == {"stacks": 1, "slices": 12, "example": AWKWARD[7][2]}
    codes = {item["code"]: (item["level"], item["count"]) for item in said["findings"]}
    assert codes["stack_ambiguous_stack"] == ("stop", 1) and codes["stack_tilted"] == ("warn", 1)
    assert codes["stack_repeats"] == ("note", 2)


def test_every_frame_is_in_exactly_one_stack(cohort):
    slices = pd.read_parquet(cohort.folder / "slices.parquet")
    assert sorted(slices["scan_id"]) == sorted(cohort.manifest["scan_id"])
    sizes = slices[~slices["repeat"]].groupby("stack_id").size()
    assert sizes.to_dict() == cohort.stacks.set_index("stack_id")["slices"].to_dict()
    of_volumes = slices.groupby("volume_id").size()
    assert of_volumes.to_dict() == cohort.volumes.set_index("scan_id")["slices"].to_dict()


def test_phases_are_told_apart(cohort):
    volumes = of_series(cohort.volumes, 6)
    assert set(volumes["split_by"]) == {"AcquisitionNumber"}
    for _, row in volumes.iterrows():
        phase = int(row["split_value"].removeprefix("AcquisitionNumber=")) - 1
        expected = np.stack([pixels(6000 + 12 * phase + n) for n in range(12)]) - 1000
        assert (cohort.read_volume(row["scan_id"]).values == expected).all()


def test_a_volume_is_read_in_order_in_its_units_with_its_place(cohort):
    (row,) = of_series(cohort.volumes, 2).to_dict("records")
    volume = cohort.read_volume(row["scan_id"])
    assert volume.values.dtype == np.int16 and volume.values.shape == (12, 16, 18)
    assert (volume.values == np.stack([pixels(2000 + n) for n in range(12)]) - 1000).all()
    assert (volume.units, volume.modality, volume.spacing_mm) == ("HU", "CT", (1.0, 0.5, 0.75))
    affine = np.array([[0.75, 0, 0, -4], [0, 0.5, 0, -6], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert (volume.affine_lps == affine).all() and row["affine_lps"].tolist() == affine.ravel().tolist()
    assert (volume.affine_ras == np.diag([-1, -1, 1, 1]) @ affine).all()
    assert (row["slices"], row["rows"], row["columns"], row["modality"]) == (12, 16, 18, "CT")
    assert (row["spacing_slice_mm"], row["spacing_row_mm"], row["spacing_column_mm"]) == (1.0, 0.5, 0.75)


def test_an_enhanced_object_is_ordered_by_its_functional_groups(cohort):
    (row,) = of_series(cohort.volumes, 12).to_dict("records")
    volume = cohort.read_volume(row["scan_id"])
    # sagittal: the normal points to the right, so the slice farthest to the left comes first
    assert (volume.values == pixels(12, 5)[[2, 0, 4, 3, 1]]).all()
    assert volume.affine_lps[:3, 3].tolist() == [8.0, 10.0, 20.0]
    assert volume.affine_lps[:3, 2] == pytest.approx([-2.0, 0, 0]) and volume.spacing_mm == (2.0, 0.5, 0.75)


def test_mr_whose_slope_varies_is_rescaled(cohort):
    (row,) = of_series(cohort.volumes, 13).to_dict("records")
    volume = cohort.read_volume(row["scan_id"])
    expected = np.stack([pixels(13000 + n) * float(n + 1) + 3 for n in range(5)])
    assert row["rescaled"] and volume.units == "rescaled" and volume.values.dtype == np.float32
    assert (volume.values == expected).all()


def test_frames_that_no_pool_may_hold_are_flagged(cohort):
    flags = {number: set(of_series(cohort.manifest, number)["flags"]) for number in (8, 9, 10, 14)}
    assert flags[8] == {"localizer"} and flags[9] == {""} and flags[10] == {"ambiguous_stack"}
    assert flags[14] == {"derived;projection"}
    unusable = cohort.manifest[~cohort.usable()]["series_key"]
    assert set(unusable) == {SiteKey(SECRET).uid(f"2.25.9.{number}") for number in (8, 10, 14)}


def test_volumes_are_scans(cohort):
    volumes = cohort.with_volumes()
    assert list(volumes.manifest["scan_id"]) == list(cohort.volumes["scan_id"])
    assert volumes.usable().sum() == 13  # not the projection
    test = set(cohort.split().test_patients)
    pool = set(volumes.pool())
    assert pool == set(cohort.volumes[volumes.usable() & ~cohort.volumes["patient_key"].isin(test)]["scan_id"])
    assert set(volumes.keys_of(sorted(pool)).table["patient_key"]) == set(cohort.volumes["patient_key"]) - test - {
        SiteKey(SECRET).patient("", "PAT-14")
    }


def test_no_place_and_no_time_of_a_slice_leaves_the_private_folder(cohort):
    slices = pd.read_parquet(cohort.folder / "slices.parquet")
    assert slices[slices["place"] == 0]["offset_mm"].dropna().eq(0).all()
    for name in ("stacks", "volumes", "slices"):
        text = (cohort.folder / f"{name}.parquet").read_bytes()
        assert b"PAT-" not in text and b"2.25.9." not in text


def test_keys_are_the_same_wherever_the_files_lie(cohort, workspace, tmp_path):
    import shutil

    shutil.copytree(workspace.root / "files" / "03", tmp_path / "elsewhere")
    other = Workspace(tmp_path)
    index(IndexSettings(sources=[tmp_path / "elsewhere"], cohort="again"), workspace=other)
    again = Cohort.open(other.cohort_dir("again"))
    assert sorted(again.volumes["scan_id"]) == sorted(of_series(cohort.volumes, 3)["scan_id"])
    assert again.stacks["stack_id"].tolist() == of_series(cohort.stacks, 3)["stack_id"].tolist()
    # the missing slice arrives: one volume, under another key
    write_series(tmp_path / "elsewhere", 3, along([5.0]), first=50)
    grown = index(IndexSettings(sources=[tmp_path / "elsewhere"], cohort="again"), workspace=other)
    after = Cohort.open(other.cohort_dir("again"))
    assert grown.volumes == 1 and after.volumes["status"].tolist() == ["regular"]
    assert set(after.volumes["scan_id"]).isdisjoint(again.volumes["scan_id"])


def test_a_gone_file_leaves_a_hole(cohort, tmp_path):
    write_series(tmp_path / "files", 21, along(Z))
    workspace = Workspace(tmp_path)
    settings = IndexSettings(sources=[tmp_path / "files"], cohort="hole")
    assert index(settings, workspace=workspace).volumes == 1
    Path(tmp_path / "files" / "21" / "006.dcm").unlink()
    assert index(settings, workspace=workspace).volumes == 2
