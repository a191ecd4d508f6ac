import numpy as np
import pandas as pd
import pytest

from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.finetuning.settings import FinetuneSettings
from workbench.finetuning.validation_set import check_validation, set_aside

SCANS = np.array(list("abcdef"), object)
LABELS = Labels(
    "v1",
    "binary",
    ["no", "yes"],
    pd.DataFrame({"scan_id": SCANS, "label": ["no", "yes"] * 3}),
    pd.DataFrame({"scan_id": SCANS, "split": ["train", "val", "train", "test", " val", None]}),
)


def test_the_scans_of_the_value_and_all_others_of_their_patients_are_not_trained_on():
    development = SCANS[[0, 1, 2, 4, 5]]  # d is a test scan
    patients = np.array(["P1", "P2", "P2", "P3", "P4"], object)
    left, chosen, further = set_aside("split:val", LABELS, development, patients)
    assert left.tolist() == ["a", "f"]
    assert chosen.tolist() == ["b", "e"]
    assert further == 1


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("val", "not of the form COLUMN:VALUE.*Columns: split"),
        ("fold:val", "names no column.*Columns: split"),
        ("scan_id:a", "names no column"),
        ("split:valid", "No scan has 'valid'.*Values: test, train, val"),
    ],
)
def test_a_column_or_value_that_is_not_there(named, said):
    with pytest.raises(InputError, match=said):
        check_validation(named, LABELS, FinetuneSettings(), "finetune")


def test_what_cannot_be_meant_together_is_refused():
    check_validation("", LABELS, FinetuneSettings(), "knn")
    check_validation("split:val", LABELS, FinetuneSettings(select="best", keep=1.0), "finetune")
    with pytest.raises(InputError, match="no validation scans to choose"):
        check_validation("", LABELS, FinetuneSettings(select="best"), "finetune")
    with pytest.raises(InputError, match="method probe"):
        check_validation("split:val", LABELS, FinetuneSettings(), "probe")
    with pytest.raises(InputError, match="keep cannot be below 1"):
        check_validation("split:val", LABELS, FinetuneSettings(select="best", keep=0.5), "finetune")
