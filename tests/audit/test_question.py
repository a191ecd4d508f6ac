from __future__ import annotations

import numpy as np
import pytest

from workbench.audit.question import ask
from workbench.errors import InputError


@pytest.mark.parametrize(
    ("classes", "task", "counts", "positive"),
    [
        (["no", "yes"], "binary", {}, ("yes",)),
        (["bacteria", "normal", "virus"], "multiclass", {"normal": 5}, ("bacteria", "virus")),
        (["No Finding", "nodule", "mass"], "multiclass", {}, ("nodule", "mass")),
        (["a", "b", "c"], "multiclass", {"a": 2, "b": 9, "c": 3}, ("a", "c")),
        (["0", "1", "2"], "ordinal", {"2": 9}, ("1", "2")),
        (["effusion", "mass"], "multilabel", {"effusion": 3, "mass": 7}, ("mass",)),
    ],
)
def test_what_counts_as_disease(classes, task, counts, positive) -> None:
    found = ask(classes, task, counts)
    assert found.positive == positive
    assert found.said.startswith(f"Yes means {' or '.join(positive)}")


def test_score_and_truth_of_several_classes() -> None:
    found = ask(["bacteria", "normal", "virus"], "multiclass", {})
    np.testing.assert_allclose(found.score([[[0.2, 0.5, 0.3], [0.0, 0.9, 0.1]]]), [[0.5, 0.1]])
    assert found.truth(np.array([0, 1, 2])).tolist() == [1, 0, 1]


def test_an_unknown_finding_has_no_truth() -> None:
    found = ask(["effusion", "mass"], "multilabel", {}, "mass")
    assert found.truth(np.array([[0, 1.0], [1, 0.0], [1, np.nan]])).tolist() == [1, 0, -1]
    np.testing.assert_allclose(found.score([[0.4, 0.7]]), [0.7])


@pytest.mark.parametrize(
    ("positive", "task", "said"),
    [
        ("sick", "binary", "no class 'sick'.*Classes: no, yes"),
        ("no,yes", "binary", "no yes/no question"),
        ("no,yes", "multilabel", "Choose one of several findings"),
    ],
)
def test_what_cannot_be_asked(positive: str, task: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ask(["no", "yes"], task, {}, positive)
