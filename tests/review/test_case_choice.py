from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.review.case_choice import STRATA, choose_cases


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    yes = rng.random(n)
    return np.stack([1 - yes, yes], axis=1), rng.integers(0, max(1, n // 2), n), rng.integers(0, 2, n)


def test_each_stratum_is_what_it_says() -> None:
    p, patients, labels = sample(400)
    found = choose_cases(p, patients, 40, labels=labels, seed=1)
    strata = np.array(found.strata)
    assert {name: int((strata == name).sum()) for name in STRATA} == {
        "uncertain": 12, "disagree": 10, "confident": 10, "random": 8,
    }  # fmt: skip
    rows = {name: found.rows[strata == name] for name in STRATA}
    assert (p[rows["disagree"]].argmax(1) != labels[rows["disagree"]]).all()
    assert p[rows["uncertain"]].max(1).max() < p[rows["confident"]].max(1).min()
    assert 4 <= p[rows["confident"]].argmax(1).sum() <= 6  # in turn, but for patients who are taken already
    assert np.isnan(found.priorities[strata == "random"]).all()
    assert len(set(patients[found.rows])) == 40


def test_without_labels_there_is_nothing_to_disagree_with() -> None:
    p, patients, _ = sample(200)
    found = choose_cases(p, patients, 20, seed=1)
    assert {name: found.strata.count(name) for name in STRATA} == {
        "uncertain": 8, "disagree": 0, "confident": 8, "random": 4,
    }  # fmt: skip


def test_those_by_chance_are_a_fair_sample_of_patients() -> None:
    """Over many seeds each of 20 patients is drawn 1 in 10 times, whatever the model says of them."""
    p, _, _ = sample(20)
    drawn = np.zeros(20)
    for seed in range(400):
        found = choose_cases(p, np.arange(20), 10, seed=seed)
        drawn[[row for row, name in zip(found.rows, found.strata, strict=True) if name == "random"]] += 1
    # 400 draws of 2 out of 20: expectation 40, standard deviation 6
    assert drawn.sum() == 800 and drawn.min() > 40 - 4 * 6 and drawn.max() < 40 + 4 * 6


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), count=st.integers(1, 80), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_one_scan_of_a_patient_and_as_many_as_there_are(n: int, count: int, share: float, seed: int) -> None:
    p, patients, labels = sample(n, seed)
    found = choose_cases(p, patients, count, labels=labels, audit_share=share, seed=seed)
    assert len(found.rows) == min(count, len(set(patients)))
    assert len(set(patients[found.rows])) == len(found.rows) == len(found.strata) == len(found.priorities)
    assert found.strata.count("random") >= 1


def test_nothing_to_choose_from_is_told() -> None:
    with pytest.raises(InputError, match="no case to review"):
        choose_cases(np.zeros((0, 2)), [], 5)
