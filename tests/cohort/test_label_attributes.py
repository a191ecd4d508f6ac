from __future__ import annotations

import pandas as pd
import pytest

from workbench.cohort.label_attributes import choose_attributes, identifying
from workbench.errors import InputError

TABLE = pd.DataFrame(
    {
        "path": [f"{n}.dcm" for n in range(8)],
        "label": ["a", "b"] * 4,
        "split": ["train", "test"] * 4,
        "age": ["34", "35", "36", "37", "38", "39", "40", "41"],
        "patient_name": ["Doe^A"] * 8,
        "colour": [f"word{chr(97 + n)}" for n in range(8)],
        "empty": [""] * 8,
    }
)


def test_harmless_columns_are_kept_and_others_named_with_the_reason():
    kept, dropped = choose_attributes(TABLE, ["path", "label"], patients=8)
    assert kept == ["split", "age"]
    assert dropped == {
        "patient_name": "its name says that it could identify somebody",
        "colour": "it has too many different words",
        "empty": "it is empty",
    }


def test_columns_can_be_asked_for_but_not_identifying_ones():
    assert choose_attributes(TABLE, ["path", "label"], 8, wanted="none")[0] == []
    kept, dropped = choose_attributes(TABLE, ["path", "label"], 8, wanted="age,patient_name")
    assert kept == ["age"] and dropped["split"] == "not asked for" and "identify" in dropped["patient_name"]
    with pytest.raises(InputError, match="no column 'sex'"):
        choose_attributes(TABLE, ["path", "label"], 8, wanted="sex")


@pytest.mark.parametrize("cell", ["12345", "1961-02-03", "3.2.61", "Doe^Jane", "a/b", "x.dcm", "me@home", "w" * 41])
def test_cells_that_identify(cell: str):
    assert identifying("group", pd.Series([cell] * 30), patients=1000)


@pytest.mark.parametrize(
    "name", ["MRN", "DOB", "exam_date", "Vorname", "PatientID", "case id", "StudyInstanceUID", "e-mail"]
)
def test_names_that_identify(name: str):
    assert identifying(name, pd.Series(["a", "b"]), patients=1000)


@pytest.mark.parametrize("name", ["hidden", "side", "width", "grade", "sex", "site"])
def test_names_that_do_not(name: str):
    assert identifying(name, pd.Series(["a", "b"]), patients=1000) == ""
