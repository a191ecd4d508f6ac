import openpyxl
import pytest

from workbench.errors import InputError
from workbench.sources.image_table import ImageRow, header_values, read_table


def write(tmp_path, text, encoding="utf-8", name="t.csv"):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_csv_as_people_write_it(tmp_path, delimiter, encoding):
    text = "File;Patient ID;Label;Größe\na.png;7;yes;1,5\n\n b.png ; 8 ;;\n".replace(";", delimiter).replace(
        "1,5", "15"
    )
    table = read_table(write(tmp_path, text, encoding))
    assert table.rows == [
        ImageRow(2, "a.png", "7", "yes", {"Größe": "15"}),
        ImageRow(4, "b.png", "8", "", {"Größe": ""}),
    ]
    assert table.more == ["Größe"] and table.labelled


def test_cells_may_hold_delimiters_and_line_breaks(tmp_path):
    table = read_table(write(tmp_path, 'file,patient,label\n"a, b.png","1","x\ny"\nc.png,2,z\n'))
    assert [(row.number, row.file, row.label) for row in table.rows] == [(3, "a, b.png", "x\ny"), (4, "c.png", "z")]


def test_excel(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (["patient_id", "path", "label", None], [7, "a.png", 1.0, None], [None] * 4, [8.5, "b.png", None, "x"]):
        sheet.append(line)
    book.save(tmp_path / "t.xlsx")
    rows = read_table(tmp_path / "t.xlsx").rows
    assert [(row.number, row.file, row.patient, row.label) for row in rows] == [
        (2, "a.png", "7", "1"),
        (4, "b.png", "8.5", ""),
    ]


def test_rows_with_too_many_cells_are_marked(tmp_path):
    rows = read_table(write(tmp_path, "file,patient\na.png,1,2\nb.png,1,\nc.png\n")).rows
    assert [row.cells for row in rows] == [False, True, True]
    assert rows[2].patient == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("file,patient\n", "has no rows"),
        ("a,b\n1,2\n", "no column 'file' .it has: a, b."),
        ("file,label\n1,2\n", "no column 'patient'"),
        ("file,patient,x,X\n1,2,3,4\n", "column 'x' twice"),
        ("file,patient\n\0,1\n", "is not text"),
        ('file,patient\n"' + "x" * 140000, "cannot be read"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_table(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(write(tmp_path, "no zip", name="t.xlsx"))


def row(**more):
    return ImageRow(2, "a.png", "1", "", more)


@pytest.mark.parametrize(
    ("column", "value", "keyword", "kept"),
    [
        ("sex", "female", "PatientSex", "F"),
        ("Sex", "M", "PatientSex", "M"),
        ("age", "45", "PatientAge", "045Y"),
        ("age", "7.5", "PatientAge", "007Y"),
        ("age", "18 months", "PatientAge", "018M"),
        ("age", "045Y", "PatientAge", "045Y"),
        ("view", "pa", "ViewPosition", "PA"),
        ("laterality", "left", "Laterality", "L"),
        ("body part", "Chest", "BodyPartExamined", "CHEST"),
        ("modality", "dx", "Modality", "DX"),
        ("manufacturer", "Maker AG", "Manufacturer", "Maker AG"),
        ("model", "X1", "ManufacturerModelName", "X1"),
        ("study_date", "2020-01-31", "StudyDate", "20200131"),
        ("study_date", "2020-01-31 00:00:00", "StudyDate", "20200131"),
        ("spacing_mm", "0.5", "NominalScannedPixelSpacing", ["0.5", "0.5"]),
        ("spacing_mm", "0,5 x 0,25", "NominalScannedPixelSpacing", ["0.5", "0.25"]),
    ],
)
def test_columns_that_go_into_the_header(column, value, keyword, kept):
    assert header_values(row(**{column: value})) == ({keyword: kept}, "", [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sex", "x"), ("age", "old"), ("age", "300"), ("view", "from the left side"), ("laterality", "up"),
        ("study_date", "31.1.2020"), ("study_date", "20201301"), ("spacing_mm", "fine"),
        ("spacing_mm", "0"), ("spacing_mm", "1 2 3"),
        ("manufacturer", "a\\b"),
    ],
)  # fmt: skip
def test_values_that_are_not_understood_are_told(column, value):
    assert header_values(row(**{column: value})) == ({}, "", [column])


def test_the_study_and_other_columns():
    assert header_values(row(study="S1", colour="red", sex="")) == ({}, "S1", [])
