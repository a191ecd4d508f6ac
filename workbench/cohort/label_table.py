"""Reading a label table as people send it: CSV of any delimiter and encoding, or an Excel sheet; all cells as text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = (",", ";", "\t", "|")
EXCEL = (".xlsx", ".xlsm")
KEY_NAMES = {
    "path": ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "dicom"),
    "sop": ("sop", "sop_uid", "sop_instance_uid", "sopinstanceuid", "instance", "instance_uid", "image_uid"),
    "series": ("series", "series_uid", "series_instance_uid", "seriesinstanceuid"),
    "study": ("study", "study_uid", "study_instance_uid", "studyinstanceuid", "exam", "exam_uid"),
    "patient": ("patient", "patient_id", "patientid", "pid", "mrn", "subject", "subject_id"),
}
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


def read_label_table(file: Path) -> pd.DataFrame:
    """The table with every cell as stripped text; empty cells are empty text; column names are stripped.

    Raises:
        InputError: The file is absent, is no table, has no rows, or two columns have one name.
    """
    if not file.is_file():
        raise InputError("There is no such label file.", where=file, todo="Check the path.")
    table = _read_excel(file) if file.suffix.lower() in EXCEL else _read_csv(file)
    table.columns = [str(name).strip() for name in table.columns]
    table = table.loc[:, [name != "" and not name.startswith("Unnamed:") for name in table.columns]]
    twice = sorted({name for name in table.columns if list(table.columns).count(name) > 1})
    if twice:
        raise InputError(f"The label file has two columns named '{twice[0]}'.", where=file, todo="Rename one of them.")
    table = table.fillna("").astype(str).apply(lambda column: column.str.strip())
    table = table[(table != "").any(axis=1)].reset_index(drop=True)
    if table.empty:
        raise InputError("The label file has no rows below its heading.", where=file)
    return table


def key_column(table: pd.DataFrame, key: str, given: str = "") -> str:
    """The column that holds the keys: the one given, else the one whose name says so.

    Args:
        table: The label table.
        key: ``path``, ``sop``, ``series``, ``study`` or ``patient``.
        given: A column's name, or empty.

    Raises:
        InputError: No column fits.
    """
    if given:
        return column_named(table, given)
    plain = {re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"): name for name in table.columns}
    for name in KEY_NAMES[key]:
        if name in plain:
            return plain[name]
    raise InputError(
        f"No column of the label file looks like a {key} key. It has: {', '.join(table.columns)}.",
        todo="Name the column: key_column=NAME.",
    )


def column_named(table: pd.DataFrame, name: str) -> str:
    """The column of that name, whatever its capitals.

    Raises:
        InputError: There is none; the columns are listed.
    """
    import difflib

    if name in table.columns:
        return name
    by_lower = {column.lower(): column for column in table.columns}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    hint = f" Did you mean '{by_lower[near[0]]}'?" if near else ""
    raise InputError(f"The label file has no column '{name}'.{hint} It has: {', '.join(table.columns)}.")


def as_number(cell: str) -> float | None:
    """A cell as a number, with a decimal point or comma; None where it is none."""
    return float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell) else None


def _read_excel(file: Path) -> pd.DataFrame:
    import zipfile

    import pandas as pd

    try:
        return pd.read_excel(file, dtype=str, engine="openpyxl", keep_default_na=False)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError("The Excel file cannot be read.", where=file, todo="Save it again as .xlsx or CSV.") from error


def _read_csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    text = _decode(file.read_bytes())
    if "\x00" in text or not text.strip():
        raise InputError("The label file is not a text table.", where=file, todo="Save it as CSV or .xlsx.")
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=_delimiter(text),
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=True,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).splitlines()[0] if re.search(r"Expected \d+ fields in line \d+", str(error)) else ""
        raise InputError(
            f"The label file is not a regular table. {reason}".strip(),
            where=file,
            todo="Give every row the same number of cells; put cells that hold the delimiter in quotes.",
        ) from error
    return table


def _decode(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """The delimiter that splits the first lines into the same number of cells, the most of them."""
    lines = text.splitlines()[:50]
    best, best_cells = ",", 1
    for delimiter in DELIMITERS:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if counts and counts[0] > best_cells and sum(count == counts[0] for count in counts) >= 0.9 * len(counts):
            best, best_cells = delimiter, counts[0]
    return best
