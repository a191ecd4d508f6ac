"""Volumes against the two converters that the field trusts: the same grid to 1e-4 mm, and the same values."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from tests.cohort.volumes.dicom_series import AXIAL, along, pixels, write_enhanced, write_series
from tests.dicom.making import picture
from workbench.cohort import Cohort
from workbench.cohort.volumes.volume import SliceChanged, SliceFile, VolumeFiles, narrowed, read_volume
from workbench.dicom import FileRefused
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

OBLIQUE = ("0.999032", "-0.021788", "0.038210", "0.026519", "0.991414", "-0.128044")
NORMAL = np.cross(np.array(OBLIQUE[:3], float), np.array(OBLIQUE[3:], float))
IDENTITY = tuple(np.eye(4).ravel().tolist())


def by_dcm2niix(files: Path, folder: Path) -> Path:
    import dcm2niix

    folder = folder / "dcm2niix"
    folder.mkdir()
    subprocess.run([dcm2niix.bin, "-o", folder, "-f", "volume", files], check=True, capture_output=True)
    return folder / "volume.nii"


def by_dicom2nifti(files: Path, folder: Path) -> Path:
    import dicom2nifti

    folder = folder / "dicom2nifti"
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dicom2nifti.dicom_series_to_nifti(files, folder / "volume.nii", reorient_nifti=False)
    return folder / "volume.nii"


def assert_same_grid_and_values(files: Path, tmp_path: Path, *converters: Callable[[Path, Path], Path]) -> None:
    workspace = Workspace(tmp_path)
    assert index(IndexSettings(sources=[files], cohort="one"), workspace=workspace).volumes == 1
    cohort = Cohort.open(workspace.cohort_dir("one"))
    volume = cohort.read_volume(cohort.volumes["scan_id"][0])
    ours = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume.values.T, volume.affine_ras))
    for convert in converters:
        theirs = nibabel.as_closest_canonical(nibabel.load(convert(files, tmp_path)))
        assert ours.shape == theirs.shape
        assert np.abs(ours.affine - theirs.affine).max() < 1e-4
        assert (np.asarray(ours.dataobj) == np.asarray(theirs.dataobj)).all()


def test_an_oblique_brain_of_384_slices(shared_data, tmp_path):
    files = shared_data / "mr-brain-384"
    assert_same_grid_and_values(files, tmp_path, by_dcm2niix, by_dicom2nifti)


def test_a_series_of_another_maker(shared_data, tmp_path):
    files = shared_data / "pacsman-mr" / "data" / "dicomseries"
    assert_same_grid_and_values(files, tmp_path, by_dcm2niix, by_dicom2nifti)


def test_an_oblique_ct_from_feet_to_head(tmp_path):
    positions = [(np.array([-11.5, 7.25, 3.0]) + 2.5 * n * NORMAL).tolist() for n in range(9)]
    more = {"Manufacturer": "SIEMENS", "RescaleType": "HU"}
    files = write_series(tmp_path / "files", 1, positions, orientations=[OBLIQUE] * 9, **more)
    assert_same_grid_and_values(files, tmp_path, by_dcm2niix, by_dicom2nifti)


def test_an_enhanced_object(tmp_path):
    files = write_enhanced(tmp_path / "files", 1, [[2.0 * n, 10.0, 20.0] for n in range(6)])
    assert_same_grid_and_values(files, tmp_path, by_dcm2niix)


def test_the_number_type_holds_all_slices(tmp_path):
    signed = tmp_path / "a.dcm"
    signed.write_bytes(picture(np.full((2, 2), -7, np.int16), "MR"))
    unsigned = tmp_path / "b.dcm"
    unsigned.write_bytes(picture(np.full((2, 2), 7, np.uint16), "MR"))
    large = tmp_path / "c.dcm"
    large.write_bytes(picture(np.full((2, 2), 60000, np.uint16), "MR"))

    def dtype(*files: Path) -> str:
        slices = tuple(SliceFile(str(file), 0) for file in files)
        return read_volume(VolumeFiles("S", slices, IDENTITY)).values.dtype.name

    assert dtype(unsigned, unsigned) == "int16" and dtype(signed, unsigned) == "int16"
    assert dtype(unsigned, large) == "uint16" and dtype(signed, large) == "float32"


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([0, 255], np.uint8), "int16"),
        (np.array([-32768, 32767], np.int32), "int16"),
        (np.array([0, 32768], np.uint16), "uint16"),
        (np.array([-1, 32768], np.int32), "float32"),
        (np.array([0.5, 1.5], np.float64), "float32"),
    ],
)
def test_narrow_numbers(values, dtype):
    found = narrowed(values)
    assert found.dtype == dtype and (found == values).all()


def test_slices_that_are_not_as_indexed(tmp_path):
    files = write_series(tmp_path, 1, along(range(4)))
    names = sorted(files.iterdir())
    slices = [SliceFile(str(file), 0) for file in names]
    with pytest.raises(SliceChanged):
        read_volume(VolumeFiles("S", (slices[0]._replace(pixel_hash="other"), *slices[1:]), IDENTITY))
    names[2].write_bytes(picture(pixels(1)[:8], "CT", ImageOrientationPatient=list(AXIAL)))
    with pytest.raises(SliceChanged):
        read_volume(VolumeFiles("S", tuple(slices), IDENTITY))
    names[2].write_bytes(b"no picture")
    with pytest.raises(FileRefused):
        read_volume(VolumeFiles("S", tuple(slices), IDENTITY))


def test_an_enhanced_object_of_a_maker(tmp_path):
    """A Philips MPRAGE of 176 frames, its pixels emptied by nibabel's authors."""
    import gzip

    source = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / "philips_mprage.dcm.gz"
    files = tmp_path / "files"
    files.mkdir()
    (files / "philips.dcm").write_bytes(gzip.decompress(source.read_bytes()))
    assert_same_grid_and_values(files, tmp_path, by_dcm2niix)


SLICED = ("CT", "MR", "PT", "NM")


@pytest.mark.parametrize("where", ["pydicom", "pydicom-data", "dcm-qa-ts"])
def test_whatever_lies_in_an_archive_every_slice_is_accounted_for(where, tmp_path, request):
    import pydicom

    source = Path(pydicom.__file__).parent / "data" / "test_files"
    if where != "pydicom":
        source = request.getfixturevalue("shared_data") / where
    workspace = Workspace(tmp_path)
    result = index(IndexSettings(sources=[source], cohort="all"), workspace=workspace)
    cohort = Cohort.open(workspace.cohort_dir("all"))
    slices = pd.read_parquet(cohort.folder / "slices.parquet")
    assert slices["scan_id"].is_unique and result.volumes == len(cohort.volumes)
    expected = cohort.manifest[cohort.manifest["modality"].isin(SLICED)]
    assert len(expected) and set(expected["scan_id"]) <= set(slices["scan_id"]) <= set(cohort.manifest["scan_id"])
    assert set(slices["stack_id"]) == set(cohort.stacks["stack_id"])
    assert cohort.stacks["sentence"].str.endswith(".").all()
    for scan_id in cohort.volumes["scan_id"]:
        assert cohort.read_volume(scan_id).values.ndim == 3
