"""DICOM files and cohorts for tests: small, seeded, with every identifier known."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from workbench.cohort.cohort import Cohort

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def pixels(seed: int, rows: int = 24, columns: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4096, (rows, columns)).astype(np.uint16)


def write_dicom(
    file: Path,
    *,
    patient: str = "PAT-1",
    study: str = "1",
    series: str = "1",
    instance: str = "1",
    values: np.ndarray | None = None,
    **extra: Any,
) -> Path:
    """A digital radiograph; UIDs are 2.25.10.<study>, .<series>, .<instance>; None leaves an element out."""
    values = pixels(int(instance)) if values is None else values
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DX
    meta.MediaStorageSOPInstanceUID = f"2.25.10.{study}.{series}.{instance}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    elements: dict[str, Any] = {
        "SOPClassUID": DX,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": f"2.25.10.{study}",
        "SeriesInstanceUID": f"2.25.10.{study}.{series}",
        "PatientID": patient,
        "PatientName": "Doe^Planted",
        "PatientBirthDate": "19610203",
        "PatientSex": "F",
        "PatientAge": "044Y",
        "Modality": "DX",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "Manufacturer": "Maker",
        "ManufacturerModelName": "Model 1",
        "StationName": "STATION7",
        "InstitutionName": "Planted Hospital",
        "StudyDate": "20190405",
        "AccessionNumber": "ACC998877",
        "StudyDescription": "Chest of Planted Doe",
        "Rows": values.shape[-2],
        "Columns": values.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelData": values.tobytes(),
        **extra,
    }
    if values.ndim == 3:
        elements["NumberOfFrames"] = values.shape[0]
    for name, value in elements.items():
        if value is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                setattr(dataset, name, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    return file


def write_dicomdir(file: Path, names: list[list[str]]) -> Path:
    """A DICOMDIR that names files by their path components."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = "2.25.77"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    records = []
    for parts in names:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record.ReferencedFileID = parts
        records.append(record)
    dataset.DirectoryRecordSequence = records
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    return file


def small_cohort(folder: Path, patients: int = 40, scans: int = 2, **settings: Any) -> Cohort:
    """A cohort made without files: patients P000... with some scans each, all pictures different."""
    rows = []
    for number in range(patients):
        for scan in range(scans):
            name = f"{number:03d}{scan}"
            rows.append(
                {
                    "scan_id": f"S{name}",
                    "path_key": f"F{name}",
                    "frame": 0,
                    "patient_key": f"P{number:03d}",
                    "study_key": f"T{number:03d}",
                    "series_key": f"R{name}",
                    "instance_key": f"I{name}",
                    "pixel_hash": f"h{name}",
                    "patient_unknown": False,
                    "site": "north" if number % 2 else "south",
                    "flags": "",
                }
            )
    return Cohort.create(folder, pd.DataFrame(rows), **settings)
