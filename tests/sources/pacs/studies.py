"""A small hospital: real DICOM files of invented patients, by study and series."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

from tests.dicom.making import picture

NAMES = ("Doe^Planted", "MRN-77", "ACC998877")


@dataclass(frozen=True)
class Stored:
    """One instance of the hospital."""

    patient: str
    date: str
    study: str
    series: str
    sop: str
    modality: str
    station: str
    study_description: str
    series_description: str
    content: bytes


def stored(content: bytes) -> Stored:
    found = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    names = ("PatientID", "StudyDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality")
    more = ("StationName", "StudyDescription", "SeriesDescription")
    return Stored(*(str(found.get(name) or "") for name in names + more), content)


def hospital() -> list[Stored]:
    """Eight studies of four patients, a CT and a DX series in each, one to four instances a series."""
    random = np.random.default_rng(0)
    instances = []
    for patient in range(4):
        for visit in range(2):
            study = f"2.25.{700 + 10 * patient + visit}"
            for number, (modality, size) in enumerate((("CT", 4), ("DX", 1 + visit))):
                for place in range(size):
                    content = picture(
                        random.integers(0, 4096, (24, 20)).astype(np.uint16),
                        modality,
                        PatientID=f"{NAMES[1]}-{patient}",
                        PatientName=NAMES[0],
                        AccessionNumber=NAMES[2],
                        StudyInstanceUID=study,
                        SeriesInstanceUID=f"{study}.{number}",
                        SOPInstanceUID=f"{study}.{number}.{place}",
                        StudyDate=f"2024010{1 + 2 * patient + visit}",
                        StudyDescription=f"visit {visit}",
                        SeriesDescription="Thorax axial" if modality == "CT" else "Chest PA",
                        StationName=f"ROOM{patient}",
                    )
                    instances.append(stored(content))
    return instances


def compressed() -> list[Stored]:
    """Files of real devices, each coded another way: JPEG 2000, RLE, JPEG Extended and deflated."""
    names = ("MR_small_jp2klossless.dcm", "SC_rgb_rle_2frame.dcm", "JPEG-lossy.dcm", "image_dfl.dcm")
    found = []
    for name in names:
        path = get_testdata_file(name)
        assert path is not None, name
        found.append(stored(Path(str(path)).read_bytes()))
    return found
