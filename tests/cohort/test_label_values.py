from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench.cohort.label_values import read_targets
from workbench.errors import InputError


def cells(*values: str) -> pd.DataFrame:
    return pd.DataFrame({"label": list(values)})


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (("1", "0"), ["0", "1"]),
        (("10", "9"), ["9", "10"]),
        (("yes", "no"), ["no", "yes"]),
        (("normal", "abnormal"), ["normal", "abnormal"]),
        (("Lesion", "Normal"), ["Normal", "Lesion"]),
        (("positive", "unlike"), ["unlike", "positive"]),
        (("cat", "dog"), ["cat", "dog"]),
    ],
)
def test_two_values_are_binary_with_the_positive_one_second(values, classes):
    found = read_targets(cells(*values, "", values[0]), ["label"])
    assert (found.task, found.classes) == ("binary", classes)


def test_positive_class_can_be_named():
    assert read_targets(cells("cat", "dog"), ["label"], positive="cat").classes == ["dog", "cat"]
    with pytest.raises(InputError, match="no class 'cow'; the classes are cat, dog"):
        read_targets(cells("cat", "dog"), ["label"], positive="cow")


def test_more_values_are_multiclass_and_numbers_are_ordered_as_numbers():
    found = read_targets(cells("10", "2", "1"), ["label"])
    assert (found.task, found.classes) == ("multiclass", ["1", "2", "10"])
    assert read_targets(cells("2,5", "10", "1"), ["label"], task="ordinal").classes == ["1", "2,5", "10"]


def test_ordinal_words_need_an_order():
    with pytest.raises(InputError, match="order of the classes is not known: high, low, mid"):
        read_targets(cells("low", "high", "mid"), ["label"], task="ordinal")
    found = read_targets(cells("low", "high", "mid"), ["label"], task="ordinal", order="low, mid, high")
    assert found.classes == ["low", "mid", "high"]
    with pytest.raises(InputError, match="does not name the classes"):
        read_targets(cells("low", "high"), ["label"], order="low")


def test_one_class_only_names_the_counts():
    with pytest.raises(InputError, match=r"one class only \('yes': 3\)"):
        read_targets(cells("yes", "yes", "", "yes"), ["label"])
    with pytest.raises(InputError, match="no cell is filled"):
        read_targets(cells("", ""), ["label"])


def test_wrong_tasks_are_explained():
    with pytest.raises(InputError, match="Unknown task 'regression'"):
        read_targets(cells("1", "2"), ["label"], task="regression")
    with pytest.raises(InputError, match="binary task has two classes; the column 'label' holds 3"):
        read_targets(cells("1", "2", "3"), ["label"], task="binary")
    with pytest.raises(InputError, match="101 different values"):
        read_targets(cells(*map(str, range(101))), ["label"])
    with pytest.raises(InputError, match="one label column; 2 were named"):
        read_targets(pd.DataFrame({"a": ["1"], "b": ["0"]}), ["a", "b"], task="binary")


def test_several_columns_are_findings():
    table = pd.DataFrame({"a": ["1", "no", "", "-1"], "b": ["0", "yes", "1", "0"]})
    found = read_targets(table, ["a", "b"])
    assert (found.task, found.classes, found.uncertain) == ("multilabel", ["a", "b"], 1)
    assert found.table["b"].tolist() == [0, 1, 1, 0]
    assert [math.isnan(value) for value in found.table["a"]] == [False, False, True, True]


def test_odd_cells_of_findings_name_the_row_of_the_file():
    with pytest.raises(InputError, match=r"column 'a' .* in 1 rows \(first in row 3 of the file\)"):
        read_targets(pd.DataFrame({"a": ["1", "maybe", "0"], "b": ["1", "0", "0"]}), ["a", "b"])
    with pytest.raises(InputError, match="finding 'b' has one class only: 0 with it, 2 without"):
        read_targets(pd.DataFrame({"a": ["1", "0"], "b": ["0", "0"]}), ["a", "b"])


@pytest.mark.parametrize("separator", [";", "|"])
def test_cells_with_lists_are_findings(separator: str):
    found = read_targets(cells(f"mass{separator} nodule", "nodule", "none", ""), ["label"])
    assert (found.task, found.classes) == ("multilabel", ["mass", "nodule", "none"])
    assert found.table["nodule"].tolist()[:3] == [1, 1, 0] and math.isnan(found.table["nodule"][3])
    with pytest.raises(InputError, match="No cell of the label column is filled"):
        read_targets(cells("", ""), ["label"], task="multilabel")
    with pytest.raises(InputError, match="101 different findings"):
        read_targets(cells(";".join(map(str, range(101)))), ["label"])


def test_a_column_of_remarks_or_numbers_of_people_cannot_be_a_label():
    for cells in (["Doe^Jane", "no"], ["seen 2017-08-19", "no"], ["77192834", "77192835"]):
        with pytest.raises(InputError, match="'finding' holds dates, numbers of people or names") as caught:
            read_targets(pd.DataFrame({"finding": cells}), ["finding"])
        assert cells[0] not in str(caught.value)
    assert read_targets(pd.DataFrame({"finding": ["0.1234567", "1"]}), ["finding"]).classes == ["0.1234567", "1"]
