"""The columns of a cohort's manifest: names, types and meanings. One row is one scan (a frame)."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column of the manifest.

    Attributes:
        name: Its name.
        kind: ``text``, ``int``, ``float`` or ``flag``.
        meaning: What it holds, with units.
    """

    name: str
    kind: str
    meaning: str


MANIFEST: tuple[Column, ...] = (
    Column("scan_id", "text", "key of the scan: keyed hash of the instance and the frame"),
    Column("path_key", "text", "key of the file; private/paths.parquet knows the path"),
    Column("frame", "int", "frame within the instance, from 0"),
    Column("patient_key", "text", "key of issuer and patient ID, or of the study where the ID is missing"),
    Column("study_key", "text", "key of the study instance UID"),
    Column("series_key", "text", "key of the series instance UID"),
    Column("instance_key", "text", "key of the SOP instance UID"),
    Column("patient_unknown", "flag", "the file names no patient; its study stands in for one"),
    Column("study_date", "text", "date of the study, moved back by a number of days of the patient's own"),
    Column("modality", "text", "DICOM modality, such as CT, MR, DX"),
    Column("body_part", "text", "body part examined, from a controlled list, else 'other'"),
    Column("view_position", "text", "view, such as PA, AP, MLO"),
    Column("laterality", "text", "L, R, B or U"),
    Column("sex", "text", "F, M or O"),
    Column("age_years", "int", "age in whole years; 90 means 90 or over"),
    Column("manufacturer", "text", "maker of the equipment"),
    Column("model", "text", "model of the equipment"),
    Column("scanner", "text", "one machine: maker, model and a keyed token of its station"),
    Column("site", "text", "site given at indexing, or a keyed token of the institution"),
    Column("rows", "int", "height, pixels"),
    Column("columns", "int", "width, pixels"),
    Column("frames", "int", "frames of the instance"),
    Column("bits_stored", "int", "bits of a stored value"),
    Column("photometric", "text", "photometric interpretation in the file"),
    Column("transfer_syntax", "text", "transfer syntax UID"),
    Column("spacing_row_mm", "float", "distance between rows (vertical), mm"),
    Column("spacing_column_mm", "float", "distance between columns (horizontal), mm"),
    Column("spacing_plane", "text", "where the spacing holds: patient, detector, scanned, unknown or none"),
    Column("pixel_hash", "text", "hash of the values after the modality and polarity steps, with their shape"),
    Column("perceptual_hash", "text", "64-bit hash of the picture's coarse structure, hexadecimal"),
    Column("flags", "text", "findings, separated by ';', such as identical_pixels"),
    Column("group", "text", "scans of one group stay on one side of every split"),
)
NAMES: tuple[str, ...] = tuple(column.name for column in MANIFEST)
SCAN_COLUMNS: tuple[str, ...] = NAMES[:-1]
"""What a worker says about a scan; the group is known only when all have been read."""

KINDS = {column.name: column.kind for column in MANIFEST}
SQL_TYPES = {"text": "TEXT", "int": "INTEGER", "float": "REAL", "flag": "INTEGER"}
UNUSABLE_FLAGS = ("blank", "localizer", "burned_in_text", "saved_screen", "hu_suspect")
"""Scans that carry one of these stay in the manifest and out of pools, development and test sets, unless a decision
includes them."""

SLICE: tuple[Column, ...] = (
    Column("frame_of_reference", "text", "key of the frame of reference UID"),
    Column("x_mm", "float", "centre of the first pixel, to the left"),
    Column("y_mm", "float", "to the back"),
    Column("z_mm", "float", "to the head"),
    Column("row_x", "float", "direction of a row, cosine"),
    Column("row_y", "float", ""),
    Column("row_z", "float", ""),
    Column("column_x", "float", "direction of a column, cosine"),
    Column("column_y", "float", ""),
    Column("column_z", "float", ""),
    Column("spacing_row_mm", "float", "distance between rows"),
    Column("spacing_column_mm", "float", "distance between columns"),
    Column("thickness_mm", "float", "slice thickness"),
    Column("samples", "int", "1 for grey, 3 for colour"),
    Column("image_type", "text", "image type of the frame"),
    Column("tokens", "text", "words of a fixed vocabulary found in the series description"),
    Column("stack", "text", "stack ID"),
    Column("echo_time_ms", "float", "echo time"),
    Column("echo_number", "int", "echo number"),
    Column("b_value", "float", "diffusion weighting, s/mm2"),
    Column("b_direction", "text", "gradient direction"),
    Column("temporal_position", "int", "number of the time point"),
    Column("trigger_time_ms", "float", "time after the R wave"),
    Column("inversion_time_ms", "float", "inversion time"),
    Column("repetition_time_ms", "float", "repetition time"),
    Column("flip_angle_deg", "float", "flip angle"),
    Column("acquisition", "int", "acquisition number"),
    Column("kernel", "text", "convolution kernel"),
    Column("diameter_mm", "float", "reconstruction diameter"),
    Column("kvp", "float", "tube voltage"),
    Column("acquisition_s", "float", "seconds of the day at which it was acquired"),
    Column("slope", "float", "rescale slope"),
    Column("intercept", "float", "rescale intercept"),
)
"""What the ledger, in ``private/``, knows of every frame that is a slice; ``dicom.SliceFacts`` flattened."""
SLICE_NAMES: tuple[str, ...] = tuple(column.name for column in SLICE)
SLICE_KINDS = {column.name: column.kind for column in SLICE} | {"rows": "int", "columns": "int", "samples": "int"}
