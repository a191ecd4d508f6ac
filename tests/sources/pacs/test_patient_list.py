from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import InputError
from workbench.sources.pacs.patient_list import read_patient_list


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4711\n0815\n4711\n", ["4711", "0815"]),
        ("patient_id,label\n4711,1\n 0815 ,0\n", ["4711", "0815"]),
        ("Patient;x\r\n4711;1\r\n", ["4711"]),
        ("\ufeffMRN\tlabel\n4711\t1\n", ["4711"]),
        ('"4711, B",1\n', ["4711, B"]),
        ("ID\n", []),
        ("\n \n", []),
    ],
)
def test_one_to_a_line_or_the_first_column(tmp_path: Path, text: str, found: list[str]):
    file = tmp_path / "patients.csv"
    file.write_text(text, encoding="utf-8")
    if found:
        assert read_patient_list(file) == found
    else:
        with pytest.raises(InputError, match="names nobody"):
            read_patient_list(file)


def test_a_file_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "absent", tmp_path / "x", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_patient_list(file)
