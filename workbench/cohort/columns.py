"""The columns of a cohort's manifest: names, types and meanings. One row is one scan (a frame)."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column of the manifest.

    Attributes:
        name: Its name.
        kind: ``text``, ``int``, ``float``, ``flag`` or ``floats``, a list of them.
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
UNUSABLE_FLAGS = (
    *("blank", "localizer", "burned_in_text", "saved_screen", "hu_suspect"),
    *("ambiguous_stack", "projection"),
)
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

SHARED: tuple[str, ...] = (
    *("patient_key", "study_key", "series_key", "patient_unknown", "study_date", "modality", "body_part"),
    *("laterality", "sex", "age_years", "manufacturer", "model", "scanner", "site", "bits_stored"),
)
"""What a volume has in common with its slices, under the manifest's names."""
_LATTICE: tuple[Column, ...] = (
    Column("slices", "int", "slices, from the first to the last along the normal"),
    Column("rows", "int", "height of a slice, pixels"),
    Column("columns", "int", "width of a slice, pixels"),
    Column("spacing_slice_mm", "float", "distance between slices, mm"),
    Column("spacing_row_mm", "float", "distance between rows, mm"),
    Column("spacing_column_mm", "float", "distance between columns, mm"),
    Column("thickness_mm", "float", "slice thickness, mm"),
    Column("affine_lps", "floats", "4 x 4, row by row: from (column, row, slice, 1) to mm to the left, back and head"),
)
_SPLIT: tuple[Column, ...] = (
    Column("status", "text", "whether its slices are even; see the reference of statuses"),
    Column("split_by", "text", "what sets it apart from others of its series: DICOM keywords, gap or spacing"),
    Column("split_value", "text", "the values of these that it has"),
)
_SCAN: tuple[Column, ...] = (
    *(column for column in MANIFEST if column.name in SHARED),
    Column("frame_of_reference", "text", "key of the frame of reference UID"),
    *_LATTICE,
    *_SPLIT,
    Column("rescaled", "flag", "stored values of MR are rescaled, because the slope changes from slice to slice"),
    Column("pixel_hash", "text", "hash over the slices' hashes, in order"),
    Column("flags", "text", "findings, separated by ';': those of its slices, and derived, reformat or projection"),
    Column("group", "text", "scans of one group stay on one side of every split"),
)
VOLUMES: tuple[Column, ...] = (
    Column("scan_id", "text", "key of the volume: keyed hash of its slices' keys, in order"),
    Column("stack_id", "text", "key of the stack that it is, or is part of"),
    *_SCAN,
)
"""``volumes.parquet``: one row per volume, a scan beside the manifest's frames."""
STACKS: tuple[Column, ...] = (
    Column("stack_id", "text", "key of the stack: keyed hash of its slices' keys, in order"),
    *_SCAN,
    Column("sentence", "text", "the status in words"),
    Column("tilt_deg", "float", "angle between the line of the slices and the normal, degrees"),
    Column("repeats", "int", "frames left out because the same picture is there already at the same place"),
    Column("volumes", "int", "volumes made of it"),
)
"""``stacks.parquet``: one row per stack of slices, whether or not it is a volume."""
STACK_SLICES: tuple[Column, ...] = (
    Column("stack_id", "text", "key of the stack"),
    Column("place", "int", "place in the stack, from 0"),
    Column("scan_id", "text", "key of the frame"),
    Column("path_key", "text", "key of its file"),
    Column("frame", "int", "frame within the file, from 0"),
    Column("pixel_hash", "text", "hash of its values"),
    Column("offset_mm", "float", "distance from the stack's first slice along the normal, mm"),
    Column("volume_id", "text", "key of the volume that it is part of, if any"),
    Column("repeat", "flag", "left out: the same picture is there already at the same place"),
)
"""``slices.parquet``: one row per frame that is a slice."""
