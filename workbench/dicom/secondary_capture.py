"""Writes pictures as DICOM Secondary Capture (PS3.3 A.8.1): what imported images and phantoms become."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.dicom.classification import SECONDARY_CAPTURE
from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, uid_from
from workbench.dicom.parsing import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from workbench.errors import InputError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# gdcm's encoders end the whole process on pictures that they do not like, so it is never asked.
_ENCODERS = {
    "1.2.840.10008.1.2.5": "pydicom",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
}
NATIVE_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)
_EMPTY = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "SeriesNumber",
    "PatientOrientation",
    "Laterality",
    "Manufacturer",
)


def write_secondary_capture(
    path: str | Path,
    pixels: np.ndarray,
    *,
    patient_id: str,
    study_uid: str,
    series_uid: str,
    instance_number: int = 1,
    sop_uid: str = "",
    modality: str = "OT",
    photometric: str = "MONOCHROME2",
    bits_stored: int | None = None,
    window: tuple[float, float] | None = None,
    transfer_syntax: str = EXPLICIT_LITTLE,
    sop_class: str = SECONDARY_CAPTURE,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Write one picture. The same arguments give the same file, byte for byte.

    The mandatory attributes of the Secondary Capture IOD are all there; with another ``sop_class`` the caller adds, in
    ``extra``, what that one wants. The implementation class UID and (0008,0014) name this program, so that intake
    knows the file as a picture and not as somebody's screenshot.

    Args:
        path: The file; its folder must exist. Replaced at once if it exists.
        pixels: uint8 or uint16 ``(rows, columns)``, or uint8 ``(rows, columns, 3)`` in RGB.
        patient_id: Patient ID; may be empty.
        study_uid: Study instance UID.
        series_uid: Series instance UID.
        instance_number: Number within the series.
        sop_uid: SOP instance UID; by default made from the other identifiers and the pixels.
        modality: Modality, such as ``OT`` or ``DX``.
        photometric: ``MONOCHROME1`` or ``MONOCHROME2`` for grey, ``RGB`` for colour (set by itself).
        bits_stored: Bits that hold the value; 8 or 16, by the type, if not given.
        window: Centre and width that a display should use.
        transfer_syntax: UID of any syntax that pydicom writes: Explicit VR (the default) or Implicit VR Little Endian,
            RLE, JPEG 2000 or JPEG-LS Lossless among them.
        sop_class: SOP class UID.
        extra: Further attributes by keyword; these win over the others.

    Returns:
        The SOP instance UID.

    Raises:
        InputError: The pixels do not fit, or an attribute is unknown or cannot hold its value.
    """
    pixels = np.ascontiguousarray(pixels)
    colour = pixels.ndim == 3
    if colour:
        photometric = "RGB"
    bits_allocated = 8 * pixels.dtype.itemsize
    stored = bits_stored or bits_allocated
    _check(pixels, photometric, stored, path)
    if not sop_uid:
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        sop_uid = uid_from("sop", patient_id, study_uid, series_uid, str(instance_number), digest)
    values: dict[str, Any] = dict.fromkeys(_EMPTY, "") | {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": sop_uid,
        "InstanceCreatorUID": IMPLEMENTATION_CLASS_UID,
        "Modality": modality,
        "ConversionType": "WSD",
        "PatientID": patient_id,
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": series_uid,
        "InstanceNumber": instance_number,
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": photometric,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits_allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": 0,
    }
    if colour:
        values["PlanarConfiguration"] = 0
    if window is not None:
        values["WindowCenter"], values["WindowWidth"] = (f"{number:.10g}" for number in window)
    values |= extra or {}
    if any(isinstance(value, str) and not value.isascii() for value in values.values()):
        values["SpecificCharacterSet"] = "ISO_IR 192"
    _save(Path(path), _dataset(values, path), pixels, transfer_syntax)
    return sop_uid


def _check(pixels: np.ndarray, photometric: str, stored: int, path: str | Path) -> None:
    grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    if not (grey or colour) or not pixels.size or max(pixels.shape) > 65535:
        raise InputError(
            f"Pixels of type {pixels.dtype} and shape {pixels.shape} cannot be written.",
            where=path,
            todo="Give uint8 or uint16 (rows, columns), or uint8 (rows, columns, 3).",
        )
    if photometric not in (("RGB",) if colour else ("MONOCHROME1", "MONOCHROME2")):
        raise InputError(f"Photometric interpretation '{photometric}' does not fit these pixels.", where=path)
    if not 1 <= stored <= 8 * pixels.dtype.itemsize or int(pixels.max()) >= 2**stored:
        raise InputError(f"The pixels do not fit in {stored} bits.", where=path, todo="Give a larger bits_stored.")


def _dataset(values: Mapping[str, Any], path: str | Path) -> Dataset:
    from pydicom import config
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise InputError(f"'{keyword}' is no attribute of DICOM.", where=path, todo="Use the standard's keyword.")
        try:
            element = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.RAISE)
        except (ValueError, TypeError) as error:
            raise InputError(f"'{keyword}' cannot hold {value!r}.", where=path, todo="Correct the value.") from error
        dataset[tag] = element
    return dataset


def _save(path: Path, dataset: Dataset, pixels: np.ndarray, transfer_syntax: str) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.filewriter import dcmwrite
    from pydicom.uid import UID

    syntax = UID(transfer_syntax)
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax if transfer_syntax in NATIVE_SYNTAXES else UID(EXPLICIT_LITTLE)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    wide = pixels.dtype.itemsize == 2
    if transfer_syntax == EXPLICIT_BIG and wide:
        pixels = pixels.astype(">u2")
    content = pixels.tobytes()
    dataset.add_new("PixelData", "OW" if wide else "OB", content + b"\0" * (len(content) % 2))
    if transfer_syntax not in NATIVE_SYNTAXES:
        # An own UID stays as it is: the coding is lossless, and the file must be the same every time.
        try:
            dataset.compress(syntax, encoding_plugin=_ENCODERS.get(transfer_syntax, ""), generate_instance_uid=False)
        except (NotImplementedError, RuntimeError, ValueError) as error:
            raise InputError(
                f"A picture of {pixels.shape[0]} x {pixels.shape[1]} pixels cannot be written in {syntax.name}.",
                where=path,
                todo="Use Explicit VR Little Endian, RLE, JPEG-LS Lossless, or JPEG 2000 Lossless from 32 pixels up.",
            ) from error
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        dcmwrite(
            temporary,
            dataset,
            enforce_file_format=True,
            implicit_vr=transfer_syntax == IMPLICIT_LITTLE,
            little_endian=transfer_syntax != EXPLICIT_BIG,
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
