"""A list of patient IDs in a file: one to a line, or the first column of a table. It is read, never copied."""

from __future__ import annotations

import csv
from pathlib import Path

from workbench.errors import InputError

HEADINGS = {"patient", "patient_id", "patientid", "patient id", "mrn", "id"}


def read_patient_list(file: Path) -> list[str]:
    """The patient IDs of a text or CSV file, in order, each once; a heading is skipped.

    Raises:
        InputError: It cannot be read, or names nobody.
    """
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as stream:
            lines = stream.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The list of patients cannot be read.", where=file, todo="Give a text or CSV file.") from error
    separator = next((mark for mark in "\t;," if lines and mark in lines[0]), ",")
    found = [row[0].strip() for row in csv.reader(lines, delimiter=separator) if row and row[0].strip()]
    if found and found[0].lower() in HEADINGS:
        found = found[1:]
    if not found:
        raise InputError("The list of patients names nobody.", where=file, todo="Write one patient ID to a line.")
    return list(dict.fromkeys(found))
