from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench.cohort.label_table import as_number, column_named, key_column, read_label_table
from workbench.errors import InputError


def write(file: Path, text: str, encoding: str = "utf-8") -> Path:
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str):
    text = "\r\n".join(
        delimiter.join(row) for row in (["patient", " Größe "], ["00123", "ja"], ["", ""], ["7", " nein "])
    )
    table = read_label_table(write(tmp_path / "l.csv", text, encoding))
    assert table.to_dict("list") == {"patient": ["00123", "7"], "Größe": ["ja", "nein"]}


def test_decimal_comma_in_a_semicolon_table(tmp_path: Path):
    table = read_label_table(write(tmp_path / "l.csv", "path;score\na;0,5\nb;1,25\n"))
    assert [as_number(cell) for cell in table["score"]] == [0.5, 1.25]
    assert as_number("1e-3") == 0.001 and as_number("x") is None and as_number("") is None


def test_quoted_delimiters_stay_in_their_cell(tmp_path: Path):
    table = read_label_table(write(tmp_path / "l.csv", 'path,label\n"a,b.dcm",x\nc.dcm,y\n'))
    assert table["path"].tolist() == ["a,b.dcm", "c.dcm"]


def test_excel_keeps_text_and_drops_unnamed_columns(tmp_path: Path):
    frame = pd.DataFrame({"patient": ["007", "8"], "label": [1, 0], "": ["", ""]})
    frame.to_excel(tmp_path / "l.xlsx", index=False)
    assert read_label_table(tmp_path / "l.xlsx").to_dict("list") == {"patient": ["007", "8"], "label": ["1", "0"]}
    (tmp_path / "bad.xlsx").write_bytes(b"no excel")
    with pytest.raises(InputError, match="Excel file cannot be read"):
        read_label_table(tmp_path / "bad.xlsx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a text table"),
        (b"\x00\x01\x02\x00", "not a text table"),
        (b"path,label\n", "no rows below"),
        (b'path,label\na,1,2,3\nb,1\n"', "not a regular table"),
        (b"path,label, label\na,1,2\n", "two columns named 'label'"),
    ],
)
def test_what_is_no_table_is_explained(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_label_table(tmp_path / "l.csv")


def test_absent_file(tmp_path: Path):
    with pytest.raises(InputError, match="no such label file"):
        read_label_table(tmp_path / "none.csv")


def test_key_column_is_found_by_its_name(tmp_path: Path):
    table = pd.DataFrame({"Patient ID": ["1"], "File": ["x"], "Label": ["y"]})
    assert key_column(table, "patient") == "Patient ID"
    assert key_column(table, "path") == "File"
    assert key_column(table, "patient", "label") == "Label"
    with pytest.raises(InputError, match="No column .* study key. It has: Patient ID, File, Label"):
        key_column(table, "study")
    with pytest.raises(InputError, match="no column 'Lable'. Did you mean 'Label'"):
        column_named(table, "Lable")
