from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs.safe_csv import FORMULA, safe_cell, safe_csv


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "- note"])
def test_what_begins_like_a_formula_becomes_text(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "a=b", "-0.5", "+3", "-1e-9", "2026-11-22", "'=1"])
def test_other_cells_and_numbers_stay(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_a_table_keeps_its_shape_and_its_quotes() -> None:
    given = '\ufeffid,note\n1,"=HYPERLINK(""http://evil"",""a,b"")"\n2,"two\nlines"\n'.encode()
    assert safe_csv(given).decode() == 'id,note\r\n1,"\'=HYPERLINK(""http://evil"",""a,b"")"\r\n2,"two\nlines"\r\n'


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2, max_size=2)))
def test_no_cell_of_any_table_is_a_formula(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    read = list(csv.reader(io.StringIO(safe_csv(out.getvalue().removeprefix("\ufeff")).decode(), newline="")))
    assert len(read) == len(rows)
    for cell in (cell for row in read for cell in row):
        if cell.startswith(FORMULA):
            float(cell)
