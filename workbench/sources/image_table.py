"""The table that comes with a folder of pictures: which file, whose, with what label, and what else is known."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import InputError

NAMES: dict[str, tuple[str, ...]] = {
    "file": ("file", "path", "image", "filename", "file_name", "filepath", "file_path", "image_path"),
    "patient": ("patient", "patient_id", "patientid", "pid", "subject", "subject_id"),
    "label": ("label",),
}
KEPT_IN_HEADER = (
    "sex",
    "age",
    "view",
    "laterality",
    "body_part",
    "study",
    "study_date",
    "modality",
    "manufacturer",
    "model",
    "spacing_mm",
)
_SEXES = {"f": "F", "female": "F", "woman": "F", "w": "F", "m": "M", "male": "M", "man": "M", "o": "O", "other": "O"}
_SIDES = {"l": "L", "left": "L", "r": "R", "right": "R", "b": "B", "both": "B"}
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
_DATE = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:[ T].*)?")


@dataclass(frozen=True)
class ImageRow:
    """One row of the table.

    Attributes:
        number: Its row in the file, the header being row 1.
        file: The picture's path below the folder, as written.
        patient: Whose it is.
        label: Its label, as written; empty where there is none.
        more: All other columns, as written.
        cells: False where the row has another number of cells than the header.
    """

    number: int
    file: str
    patient: str
    label: str
    more: dict[str, str] = field(default_factory=dict)
    cells: bool = True


@dataclass(frozen=True)
class ImageTable:
    """The table: its rows, and the names of its columns.

    Attributes:
        rows: The rows that are not empty.
        more: Names of the columns besides file, patient and label, in order.
        labelled: Whether it has a column ``label``.
    """

    rows: list[ImageRow]
    more: list[str]
    labelled: bool


def read_table(path: Path) -> ImageTable:
    """Read a table from CSV (comma, semicolon or tab) or Excel; every value stays text.

    Raises:
        InputError: The file cannot be read, is empty, or lacks the columns ``file`` and ``patient``.
    """
    lines = _excel(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path)
    header = next(lines, (1, []))[1]
    names = [name.strip() for name in header]
    if not any(names):
        raise InputError("The label table is empty.", where=path, todo="Give columns file, patient, label.")
    lower = [name.lower().replace(" ", "_") for name in names]
    twice = {name for name in lower if name and lower.count(name) > 1}
    if twice:
        raise InputError(f"The label table has column '{min(twice)}' twice.", where=path, todo="Rename one of them.")
    places = {name: _place(lower, names, name, path, needed=name != "label") for name in NAMES}
    taken = set(places.values())
    more = {name: place for place, name in enumerate(names) if place not in taken and name}
    rows = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        fits = len(cells) <= len(names) or not any(cell.strip() for cell in cells[len(names) :])
        cells = [cell.strip() for cell in cells] + [""] * (len(names) - len(cells))
        label = places["label"]
        rows.append(
            ImageRow(
                number,
                cells[places["file"] or 0] if places["file"] is not None else "",
                cells[places["patient"] or 0],
                cells[label] if label is not None else "",
                {name: cells[place] for name, place in more.items()},
                fits,
            )
        )
    if not rows:
        raise InputError("The label table has no rows.", where=path, todo="Give one row for each picture.")
    return ImageTable(rows, list(more), places["label"] is not None)


def _place(lower: list[str], names: list[str], wanted: str, path: Path, *, needed: bool) -> int | None:
    for alias in NAMES[wanted]:
        if alias in lower:
            return lower.index(alias)
    if not needed:
        return None
    raise InputError(
        f"The label table has no column '{wanted}' (it has: {', '.join(name for name in names if name)}).",
        where=path,
        todo=f"Name a column '{wanted}'; others that are understood: {', '.join(NAMES[wanted][1:])}.",
    )


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError("The label table cannot be read.", where=path, todo="Check the path.") from error
    for encoding in ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:  # pragma: no cover (latin-1 decodes everything)
        text = ""
    if "\0" in text:
        raise InputError("The label table is not text.", where=path, todo="Save it as CSV or as .xlsx.")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            f"The label table cannot be read: {error}.", where=f"{path}, line {reader.line_num}"
        ) from error


def _excel(path: Path) -> Iterator[tuple[int, list[str]]]:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError("The label table cannot be read.", where=path, todo="Check the path and the file.") from error
    try:
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield number, [_text(cell) for cell in cells]
    finally:
        book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def header_values(row: ImageRow) -> tuple[dict[str, Any], str, list[str]]:
    """What a row's further columns put into the DICOM header.

    Args:
        row: The row.

    Returns:
        Attributes by keyword; the study that the row names, or nothing; and the columns whose value is not understood
        and therefore stays in the label file alone.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    study = ""
    for name, value in row.more.items():
        key = name.lower().replace(" ", "_")
        if not value or key not in KEPT_IN_HEADER:
            continue
        if key == "study":
            study = value
            continue
        attribute = _attribute(key, value)
        if attribute is None:
            problems.append(name)
        else:
            found[attribute[0]] = attribute[1]
    return found, study, problems


def _attribute(key: str, value: str) -> tuple[str, Any] | None:
    if key == "sex":
        return ("PatientSex", _SEXES[value.lower()]) if value.lower() in _SEXES else None
    if key == "laterality":
        return ("Laterality", _SIDES[value.lower()]) if value.lower() in _SIDES else None
    if key == "age":
        return _age(value)
    if key == "study_date":
        match = _DATE.fullmatch(value)
        return ("StudyDate", "".join(match.groups())) if match and 1 <= int(match[2]) <= 12 else None
    if key == "spacing_mm":
        return _spacing(value)
    if key in ("manufacturer", "model"):
        keyword = "Manufacturer" if key == "manufacturer" else "ManufacturerModelName"
        return (keyword, value) if len(value) <= 64 and "\\" not in value else None
    keyword = {"view": "ViewPosition", "body_part": "BodyPartExamined", "modality": "Modality"}[key]
    return (keyword, value.upper()) if _CODE.fullmatch(value.upper()) else None


def _age(value: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"(\d{1,3})(?:\.\d+)?\s*([yYmMwWdD]?)\w*\+?", value)
    if not match or (int(match[1]) > 125 and match[2].lower() in ("", "y")):
        return None
    return "PatientAge", f"{int(match[1]):03d}{(match[2] or 'Y').upper()}"


def _spacing(value: str) -> tuple[str, list[str]] | None:
    try:
        numbers = [float(part) for part in re.split(r"[\\;x ]+", value.replace(",", ".").strip())]
    except ValueError:
        return None
    if len(numbers) not in (1, 2) or not all(0 < number < 1000 for number in numbers):
        return None
    return "NominalScannedPixelSpacing", [f"{number:.8g}" for number in (numbers * 2)[:2]]
