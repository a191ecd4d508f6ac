"""Real DICOM files of known pixels, and cohorts made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from workbench.cohort import Cohort
from workbench.cohort.pixel_hashes import pixel_hash
from workbench.runs.engine import TaskResult
from workbench.runs.workspace import Workspace
from workbench.store import building


def write_dicom(path: Path, pixels: np.ndarray, *, modality: str = "DX", spacing=None, **attributes) -> Path:
    """Write unsigned pixels ``(rows, columns)`` as DX, or HU as CT with intercept -1024."""
    is_ct = modality == "CT"
    stored = (pixels.astype(np.int32) + 1024 if is_ct else pixels).astype(np.uint16)
    kind = CTImageStorage if is_ct else DigitalXRayImageStorageForPresentation
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = kind
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid(entropy_srcs=["study", path.stem])
    ds.PatientID, ds.PatientName, ds.Modality = f"patient-{path.stem}", "", modality
    ds.InstanceNumber = 1
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if is_ct else ["ORIGINAL", "PRIMARY"]
    if is_ct:
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if spacing:
        setattr(ds, "PixelSpacing" if is_ct else "ImagerPixelSpacing", list(spacing))
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.PixelData = np.ascontiguousarray(stored).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def flat(number: int, rows: int = 40, columns: int = 40) -> np.ndarray:
    """A scan that tells its number: 100 + number everywhere but for a black corner and a white one."""
    pixels = np.full((rows, columns), 100 + number, np.uint16)
    pixels[0, 0], pixels[-1, -1] = 0, 4095
    return pixels


def cohort_of(workspace: Workspace, files: dict[str, Path], name: str = "chest", hashes=None) -> Cohort:
    """A cohort of one-frame files, one patient each, under the scan ids given."""
    hashes = hashes or {}
    table = pd.DataFrame(
        {
            "scan_id": list(files),
            "path_key": [f"key-{scan}" for scan in files],
            "patient_key": [f"patient-{scan}" for scan in files],
            "frame": 0,
            "pixel_hash": [hashes.get(scan, f"unknown {scan}") for scan in files],
        }
    )
    table.loc[~table["scan_id"].isin(hashes), "pixel_hash"] = None
    return Cohort.create(workspace.cohort_dir(name), table, paths={f"key-{k}": v for k, v in files.items()})


def _in_this_process(function, items, **more):
    for index, item in enumerate(items):
        yield TaskResult(index, value=function(item))


@pytest.fixture
def here(monkeypatch):
    """Builds without worker processes, for what does not need them."""
    monkeypatch.setattr(building, "map_tasks", _in_this_process)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


@pytest.fixture
def make_dicom():
    return write_dicom


@pytest.fixture
def make_cohort():
    return cohort_of


@pytest.fixture
def make_flat():
    return flat


@pytest.fixture
def flat_cohort(tmp_path: Path, workspace: Workspace):
    """``flat_cohort(n)``: a cohort of n scans whose pixels tell their numbers."""

    def make(number: int, name: str = "chest") -> Cohort:
        files, hashes = {}, {}
        for scan in range(number):
            files[f"s{scan}"] = write_dicom(tmp_path / "files" / f"{scan:03d}.dcm", flat(scan))
            hashes[f"s{scan}"] = pixel_hash(flat(scan).astype(np.float32))
        return cohort_of(workspace, files, name, hashes)

    return make
