"""Series as real DICOM files, awkward in the ways that archives are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.dicom.making import item, picture

AXIAL = ("1", "0", "0", "0", "1", "0")
SAGITTAL = ("0", "1", "0", "0", "0", "-1")
CORONAL = ("1", "0", "0", "0", "0", "-1")
SIDE = 16


def pixels(seed: int, frames: int = 1) -> np.ndarray:
    """Stored values of air, above, and of tissue, below."""
    values = np.random.default_rng(seed).integers(0, 30, (frames, SIDE, SIDE + 2), dtype=np.int16)
    values[:, SIDE // 2 :] += 1000
    return values[0] if frames == 1 else values


def write_series(
    folder: Path,
    number: int,
    positions: Sequence[Sequence[float]],
    *,
    modality: str = "CT",
    instance_numbers: Sequence[int] | None = None,
    seeds: Sequence[int] | None = None,
    orientations: Sequence[Sequence[str]] | None = None,
    per_slice: dict[str, Sequence[Any]] | None = None,
    first: int = 0,
    **common: Any,
) -> Path:
    """A series of one-frame files; series 7 of study 7 of patient 7, and so on.

    Args:
        folder: Where its folder ``<number>`` goes.
        number: Of series, study and patient.
        positions: Image Position of every slice.
        modality: Its modality.
        instance_numbers: Of every slice; 1, 2, 3 and so on by default.
        seeds: Of every slice's pixels; equal ones give equal pixels.
        orientations: Of every slice; axial by default.
        per_slice: Attributes that differ from slice to slice.
        first: Number of the first file, for series written in parts.
        common: Attributes of all slices; None leaves one out.
    """
    target = folder / f"{number:02d}"
    target.mkdir(parents=True, exist_ok=True)
    for place, position in enumerate(positions):
        name = first + place
        attributes: dict[str, Any] = {
            "SOPInstanceUID": f"2.25.9.{number}.{name + 1}",
            "StudyInstanceUID": f"2.25.9.{number}.0",
            "SeriesInstanceUID": f"2.25.9.{number}",
            "FrameOfReferenceUID": f"2.25.9.{number}.999",
            "PatientID": f"PAT-{number}",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "PixelSpacing": ["0.5", "0.75"],
            "SliceThickness": "1",
            "RescaleSlope": "1" if modality == "CT" else None,
            "RescaleIntercept": "-1000" if modality == "CT" else None,
            "InstanceNumber": str(instance_numbers[place] if instance_numbers else name + 1),
            "ImagePositionPatient": [f"{value:.6g}" for value in position],
            "ImageOrientationPatient": list(orientations[place] if orientations else AXIAL),
            **common,
            **{keyword: values[place] for keyword, values in (per_slice or {}).items()},
        }
        seed = seeds[place] if seeds else 1000 * number + name
        (target / f"{name:03d}.dcm").write_bytes(picture(pixels(seed), modality, **attributes))
    return target


def along(places: Sequence[float]) -> list[list[float]]:
    """Positions along the patient's axis."""
    return [[-4.0, -6.0, float(place)] for place in places]


def write_enhanced(folder: Path, number: int, positions: Sequence[Sequence[float]], **shared: Any) -> Path:
    """An enhanced MR of one file, its geometry in functional groups alone; frames in the order given."""
    frames = [
        item(
            FrameContentSequence=[item(StackID="1", InStackPositionNumber=place + 1)],
            PlanePositionSequence=[item(ImagePositionPatient=[f"{value:.6g}" for value in position])],
        )
        for place, position in enumerate(positions)
    ]
    common = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=list(SAGITTAL))],
        PixelMeasuresSequence=[item(PixelSpacing=["0.5", "0.75"], SliceThickness="2")],
        MRImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "T1", "NONE"])],
        **shared,
    )
    target = folder / f"{number:02d}"
    target.mkdir(parents=True, exist_ok=True)
    content = picture(
        pixels(number, len(positions)),
        "MR",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
        SOPInstanceUID=f"2.25.9.{number}.1",
        StudyInstanceUID=f"2.25.9.{number}.0",
        SeriesInstanceUID=f"2.25.9.{number}",
        FrameOfReferenceUID=f"2.25.9.{number}.999",
        PatientID=f"PAT-{number}",
        ImageType=["ORIGINAL", "PRIMARY", "T1", "NONE"],
        SharedFunctionalGroupsSequence=[common],
        PerFrameFunctionalGroupsSequence=frames,
    )
    (target / "enhanced.dcm").write_bytes(content)
    return target
