from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.audit.case_mix import match, weighted_auc
from workbench.evaluation.auc import influence


def test_both_sides_get_the_same_mix() -> None:
    """40 old of 100 cases here, 160 of 200 there: after weighting the shares are the common ones."""
    truth = np.tile([0, 1], 150)
    group = np.arange(300) < 100
    age = np.where(group, np.arange(300) % 10 < 4, np.arange(300) % 10 < 8)
    found = match(group, ~group, truth, {"age": np.where(age, "old", "young").astype(object)})
    assert found.note == "" and found.on == ("age",) and found.kept == 1
    for side in (group, ~group):
        w = found.weights[side]
        assert w[age[side]].sum() / w.sum() == pytest.approx(200 / 300)
        assert w.mean() == pytest.approx(1)


def test_cases_without_a_like_on_the_other_side_do_not_count() -> None:
    truth = np.tile([0, 1], 100)
    group = np.arange(200) < 100
    site = np.where(group, np.where(np.arange(200) < 20, "only here", "both"), "both").astype(object)
    found = match(group, ~group, truth, {"site": site})
    assert (found.weights[:20] == 0).all() and (found.weights[20:] > 0).all()
    assert found.kept == pytest.approx(0.9)


def test_it_says_why_it_cannot_be_used() -> None:
    truth = np.tile([0, 1], 30)
    group = np.arange(60) < 30
    assert "no other attribute" in match(group, ~group, truth, {}).note
    assert "15 effective" in match(group, ~group, truth, {"age": np.full(60, "old", dtype=object)}).note


def test_one_rare_case_cannot_outweigh_all_others() -> None:
    """A stratum with one case here and 99 there: its weight stops at ten times the median."""
    group = np.arange(400) < 200
    truth = np.arange(400) % 2
    rare = (np.arange(400) == 0) | (~group & (np.arange(400) < 300))
    found = match(group, ~group, truth, {"view": np.where(rare, "AP", "PA").astype(object)})
    inside = found.weights[group]
    assert inside[0] / np.median(inside) == pytest.approx(10)


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.int64, 30, elements=st.integers(0, 4)),
    arrays(np.int64, (3, 30), elements=st.integers(0, 3)),
    arrays(np.int64, 30, elements=st.integers(0, 1)),
)
def test_a_weight_of_three_is_the_case_three_times(scores, weights, truth) -> None:
    found = weighted_auc(scores.astype(float), truth, weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        again = np.repeat(np.arange(30), row)
        if len(np.unique(truth[again])) < 2:
            assert np.isnan(value)
        else:
            expected = influence(scores[again].astype(float), truth[again], np.arange(len(again))).auc
            assert value == pytest.approx(float(expected))
