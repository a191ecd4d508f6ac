"""The privacy ledger: every attribute that the program reads, and what becomes of it. What is not listed is not read.

It is an allow-list: PS3.15 Annex E's Basic Profile with the options Retain Patient Characteristics, Retain Longitudinal
Temporal Information with Modified Dates, and Retain Device Identity for maker and model.
"""

from __future__ import annotations

import sqlite3
from typing import Any

KEPT = {
    "Modality": "modality",
    "ViewPosition": "view_position",
    "BodyPartExamined": "body_part",
    "ImageLaterality": "laterality",
    "Laterality": "laterality",
    "FrameLaterality": "laterality",
    "PatientSex": "sex",
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "model",
    "Rows": "rows",
    "Columns": "columns",
    "NumberOfFrames": "frames",
    "BitsStored": "bits_stored",
    "PhotometricInterpretation": "photometric",
    "TransferSyntaxUID": "transfer_syntax",
    "PixelSpacing": "spacing_row_mm",
    "ImagerPixelSpacing": "spacing_row_mm",
    "NominalScannedPixelSpacing": "spacing_row_mm",
    "BurnedInAnnotation": "flags",
    "LossyImageCompression": "flags",
    "ImageType": "flags",
}
"""Attributes kept as they are (texts from controlled lists, else 'other'), and the manifest's column."""

TRANSFORMED = {
    "PatientID": ("patient_key", "keyed hash with its issuer"),
    "IssuerOfPatientID": ("patient_key", "keyed hash with the patient ID"),
    "StudyInstanceUID": ("study_key", "keyed hash"),
    "SeriesInstanceUID": ("series_key", "keyed hash"),
    "SOPInstanceUID": ("instance_key", "keyed hash"),
    "FrameOfReferenceUID": ("", "keyed hash, in the tables of volumes"),
    "StationName": ("scanner", "keyed token of 8 characters"),
    "InstitutionName": ("site", "keyed token of 4 characters, unless a site was named at indexing"),
    "PatientAge": ("age_years", "whole years; 90 stands for 90 and over"),
    "StudyDate": ("study_date", "moved back by 1 to 3,650 days, the same for all dates of a patient"),
    "SeriesDescription": ("flags", "words of a fixed vocabulary; the text is not kept"),
    "ImagePositionPatient": ("", "offsets along the stack, and the origin of the affine of a volume"),
    "AcquisitionTime": ("", "order of slices within a series; not kept in any table outside private/"),
    "AcquisitionDateTime": ("", "order of slices within a series; not kept in any table outside private/"),
    "FrameAcquisitionDateTime": ("", "order of frames within a series; not kept in any table outside private/"),
    "FrameReferenceDateTime": ("", "order of frames within a series; not kept in any table outside private/"),
}
"""Attributes that are kept in another form: the manifest's column (empty for another table), and how."""

READ_ONCE = {
    "PatientBirthDate": "age, where it is not stated, and whether the stated one fits; not kept",
    "SpecificCharacterSet": "how texts are written; not kept",
    "SOPClassUID": "what kind of object it is; not kept",
    "MediaStorageSOPClassUID": "what kind of object it is; not kept",
    "ImplementationClassUID": "whether this program wrote the file; not kept",
    "InstanceCreatorUID": "whether this program wrote the file; not kept",
    "ConversionType": "whether it is a captured screen; not kept",
    "RecognizableVisualFeatures": "whether faces were removed; yes or no",
    "PresentationIntentType": "whether it is for presentation or for processing",
    "FrameType": "as ImageType, for one frame",
    "CodeValue": "body part from a controlled list, and units of values; not kept otherwise",
    "AnatomicRegionSequence": "body part, from a controlled list",
    "ComplexImageComponent": "tells stacks of one series apart",
    "ConvolutionKernel": "tells stacks of one series apart",
    "StackID": "tells stacks of one series apart",
    "RescaleType": "units of values",
    "LUTExplanation": "name of a display preset; not kept",
    "WindowCenterWidthExplanation": "name of a display preset; not kept",
    "RecommendedDisplayFrameRate": "how fast a clip runs",
    "ModalityLUTType": "units of values",
}
"""Attributes that are looked at for one purpose."""

NEVER = (
    "names and other names of patients, relatives, physicians and operators; birth dates; addresses, telephone "
    "numbers; accession numbers; times of day; descriptions, comments and all other free text; private attributes; "
    "overlays and curves; the file's preamble; UIDs in clear; names of files and folders (they stay in private/)"
)
HARMLESS_KINDS = frozenset(
    ("CS", "DS", "FD", "FL", "IS", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SQ", "SS", "SV", "UL", "US", "UV")
)
FIRST_HARMLESS_GROUP = 0x0018
"""Numbers and codes from this group on describe the picture; everything else must be listed by name."""
PIXELS = "decoding, calibration, display and geometry of the picture; no column of its own"


def rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The ledger of an index: one row per attribute that was read, with the number of scans that have it in some form.

    Args:
        connection: A settled ledger with the view ``kept``.
    """
    columns = sorted({*KEPT.values(), *(column for column, _ in TRANSFORMED.values() if column)} - {"flags"})
    counted = ", ".join(f'COUNT("{column}")' for column in columns)
    numbers = dict(zip(columns, connection.execute(f"SELECT {counted} FROM kept").fetchone(), strict=True))
    if "patient_key" in numbers:
        (named,) = connection.execute("SELECT COUNT(*) FROM kept WHERE NOT patient_unknown").fetchone()
        numbers["patient_key"] = named
    return [
        {**entry, "scans": numbers.get(entry["column"]) if entry["column"] else None} for entry in allow_list().values()
    ]


def allow_list() -> dict[str, dict[str, Any]]:
    """Every attribute that the program reads, by keyword: tag, what is done with it, and the manifest's column."""
    from workbench.dicom.tags import TAGS, name

    found: dict[str, dict[str, Any]] = {}
    for keyword, tag in TAGS.items():
        if keyword in KEPT:
            done, column, how = "kept", KEPT[keyword], ""
        elif keyword in TRANSFORMED:
            done, (column, how) = "transformed", TRANSFORMED[keyword]
        elif keyword in READ_ONCE:
            done, column, how = "read once", "", READ_ONCE[keyword]
        elif tag.vr in HARMLESS_KINDS and tag.number >> 16 >= FIRST_HARMLESS_GROUP:
            done, column, how = "picture", "", PIXELS
        else:
            done, column, how = "unlisted", "", "nobody has said yet what may become of it"
        found[keyword] = {"attribute": name(keyword), "done": done, "column": column, "how": how}
    return found
