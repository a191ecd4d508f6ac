"""Small real DICOM files for the tests of intake."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "ECT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
}


def item(**attributes: Any) -> Dataset:
    """A data set from keywords."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, Sequence(value) if isinstance(value, list) and _datasets(value) else value)
    return dataset


def _datasets(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(part, Dataset) for part in value)


def dataset(pixels: np.ndarray, modality: str = "CT", **attributes: Any) -> Dataset:
    """A picture as a data set; an attribute given as None is left out."""
    pixels = np.asarray(pixels)
    signed = pixels.dtype.kind == "i"
    bits = 8 * pixels.dtype.itemsize
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    frames = pixels.ndim - (3 if colour else 2)
    shape = pixels.shape[frames:]
    values: dict[str, Any] = {
        "SOPClassUID": CLASSES.get(modality, CLASSES["CT"]),
        "SOPInstanceUID": "1.2.3.4.5",
        "StudyInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3.4.1",
        "PatientID": "MRN-0815",
        "Modality": "CT" if modality == "ECT" else modality,
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": shape[0],
        "Columns": shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": int(attributes.get("BitsStored") or bits) - 1,
        "PixelRepresentation": int(signed),
    }
    if colour:
        values["PlanarConfiguration"] = 0
    if frames:
        values["NumberOfFrames"] = pixels.shape[0]
    values |= attributes
    found = item(**{keyword: value for keyword, value in values.items() if value is not None})
    content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    found.add_new("PixelData", "OW" if bits > 8 else "OB", content + b"\0" * (len(content) % 2))
    return found


def encode(found: Dataset, syntax: str = ExplicitVRLittleEndian, *, implementation: str = "1.2.3") -> bytes:
    """A data set as a file's content."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(found.get("SOPClassUID", CLASSES["CT"]))
    meta.MediaStorageSOPInstanceUID = UID(found.get("SOPInstanceUID", "1.2.3"))
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(implementation)
    found.file_meta = meta
    if syntax == "1.2.840.10008.1.2.2" and found.get("BitsAllocated") in (16, 32) and "PixelData" in found:
        size = found.BitsAllocated // 8
        found["PixelData"].value = np.frombuffer(found.PixelData, f"<u{size}").astype(f">u{size}").tobytes()
    stream = io.BytesIO()
    dcmwrite(
        stream,
        found,
        enforce_file_format=True,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=syntax != "1.2.840.10008.1.2.2",
    )
    return stream.getvalue()


def picture(
    pixels: np.ndarray, modality: str = "CT", *, syntax: str = ExplicitVRLittleEndian, **attributes: Any
) -> bytes:
    """A picture as a file's content."""
    return encode(dataset(pixels, modality, **attributes), syntax)


def set_words(found: Dataset, keyword: str, vr: str, value: Any) -> None:
    """Give an attribute a value representation that the standard would not."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    assert tag is not None
    found.pop(tag, None)
    found.add_new(tag, vr, value)


IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
