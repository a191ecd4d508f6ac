"""DICOM files made up for benchmarks: CT slices that look and compress like CT slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid


def body(side: int, rng: np.random.Generator) -> np.ndarray:
    """One slice in HU, int16 ``(side, side)``: a body with organs in air, with noise."""
    down, across = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
    hounsfield = np.full((side, side), -1000.0)
    hounsfield[(across / 0.85) ** 2 + (down / 0.65) ** 2 < 1] = 40
    for _ in range(8):
        centre = rng.uniform(-0.5, 0.5, 2)
        radius = rng.uniform(0.05, 0.25, 2)
        inside = ((across - centre[0]) / radius[0]) ** 2 + ((down - centre[1]) / radius[1]) ** 2 < 1
        hounsfield[inside] = rng.choice([-800, -100, 60, 120, 400, 900])
    return (hounsfield + rng.normal(0, 12, hounsfield.shape)).clip(-1024, 3071).astype(np.int16)


def slice_template() -> pydicom.Dataset:
    """The header of a real CT slice (261 elements, private ones too) from pydicom's own test files."""
    ds = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    del ds.DataSetTrailingPadding
    ds.PatientName, ds.RescaleType = "Made^Up", "HU"
    ds.PixelSpacing = [0.703125, 0.703125]
    return ds


def write_ct(
    path: Path, ds: pydicom.Dataset, hounsfield: np.ndarray, *, patient: int, slice_number: int, series: str
) -> None:
    """Write one CT slice, uncompressed, 16 bits."""
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = f"{series}.1", f"{series}.2", f"{series}.3"
    ds.PatientID, ds.InstanceNumber = f"P{patient:06d}", slice_number
    ds.ImagePositionPatient = [-180.0, -180.0, float(slice_number)]
    ds.Rows, ds.Columns = hounsfield.shape
    ds.PixelData = (hounsfield.astype(np.int32) - int(ds.RescaleIntercept)).astype(np.int16).tobytes()
    ds.save_as(path, enforce_file_format=True)


def generate(folder: Path, count: int, side: int, *, per_patient: int = 20, seed: int = 0) -> list[Path]:
    """Write ``count`` slices of different pixels, ``per_patient`` of each patient; kept when they are there."""
    files = [folder / f"{number // 1000:03d}" / f"{number:06d}.dcm" for number in range(count)]
    if files[-1].exists():
        return files
    rng = np.random.default_rng(seed)
    pictures = [body(side, rng) for _ in range(16)]
    series, template = "", slice_template()
    for number, path in enumerate(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % per_patient == 0:
            series = generate_uid()[:60]
        moved = np.roll(pictures[number % 16], (int(rng.integers(-9, 9)), int(rng.integers(-9, 9))), axis=(0, 1))
        moved[0, 0] = number % 4000 - 1000  # no two slices alike
        moved[0, 1] = number // 4000
        write_ct(path, template, moved, patient=number // per_patient, slice_number=number % per_patient, series=series)
    return files


def add_arguments(parser) -> None:
    """What all benchmarks take."""
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder for scans and workspaces")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
