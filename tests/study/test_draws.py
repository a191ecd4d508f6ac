from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.study.draws import ALL, Budget, Development, available, draw, patient_order


def people(counts: list[int], scans: int = 2) -> Development:
    """As many patients of each class as told, each with some scans."""
    target = np.repeat(np.arange(len(counts)), counts)
    names = np.array([f"P{number:03d}" for number in range(len(target))])
    return Development(np.repeat(names, scans), np.repeat(target, scans), [f"c{k}" for k in range(len(counts))])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=2, max_size=4), st.integers(0, 10**6))
def test_every_prefix_is_stratified(counts: list[int], seed: int) -> None:
    """S12: the classes' minima from the smallest budget on, never more than one patient off the share afterwards."""
    development = people(counts)
    order = patient_order(development, seed=seed, task="t", draw=0)
    assert sorted(order.tolist()) == list(range(sum(counts)))
    kind = development.has.argmax(axis=1)[order]
    fewest = development.smallest_budget()
    assert fewest == 2 * len(counts)
    share = np.array(counts) / sum(counts)
    for n in range(fewest, len(order) + 1):
        have = np.bincount(kind[:n], minlength=len(counts))
        assert (have >= 2).all()
        seeded = have <= 2
        assert (np.abs(have - n * share)[~seeded] < len(counts)).all()


def test_budgets_are_nested_and_the_same_for_everybody() -> None:
    development = people([60, 30])
    order = patient_order(development, seed=3, task="t", draw=1)
    small, large = (draw(development, Budget(n, "patients"), order) for n in (10, 40))
    assert set(small.rows) < set(large.rows)
    assert (small.n_patients, small.n_scans, large.n_patients) == (10, 20, 40)
    again = draw(development, Budget(10, "patients"), patient_order(development, seed=3, task="t", draw=1))
    assert again.order_hash == small.order_hash
    np.testing.assert_array_equal(again.rows, small.rows)
    others = {
        draw(development, Budget(10, "patients"), patient_order(development, seed=s, task=t, draw=d)).order_hash
        for s, t, d in ((3, "t", 2), (4, "t", 1), (3, "u", 1))
    }
    assert len(others | {small.order_hash}) == 4


def test_the_order_of_the_rows_does_not_matter() -> None:
    """S20."""
    development = people([20, 10])
    shuffle = np.random.default_rng(0).permutation(len(development.patients))
    other = Development(development.patients[shuffle], development.targets[shuffle], development.classes)
    first = patient_order(development, seed=0, task="t", draw=0)
    np.testing.assert_array_equal(first, patient_order(other, seed=0, task="t", draw=0))


def test_every_patient_is_drawn_as_often_as_its_class_allows() -> None:
    development = people([30, 10])
    taken = np.zeros(40)
    for number in range(300):
        taken[patient_order(development, seed=0, task="t", draw=number)[:12]] += 1
    assert taken[:30].sum() == 300 * 9 and taken[30:].sum() == 300 * 3
    assert taken[:30].std() < 3 * np.sqrt(300 * 0.3 * 0.7)


def test_patients_with_several_answers_keep_the_shares() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((200, 3)) < [0.4, 0.2, 0.1]).astype(float)
    targets[5, 0] = np.nan
    development = Development(np.array([f"P{n}" for n in range(200)]), targets, ["a", "b", "c"])
    assert list(development.patients_per_class()) == ["a", "b", "c", "no finding"]
    assert not development.single_valued
    order = patient_order(development, seed=0, task="t", draw=0)
    assert sorted(order.tolist()) == list(range(200))
    share = development.has.mean(axis=0)
    for n in (20, 50, 100):
        assert (np.abs(development.has[order[:n]].sum(axis=0) - n * share) <= 2.5).all()
    assert (development.has[order[: development.smallest_budget()]].sum(axis=0) >= 2).all()


def test_scans_of_different_classes_follow_the_rule_for_several_answers() -> None:
    targets = np.array([0, 1] * 10 + [2, 2] * 10)
    development = Development(np.repeat(np.arange(20), 2), targets, ["a", "b", "c"])
    assert development.patients_per_class() == {"a": 10, "b": 10, "c": 10}
    assert not development.single_valued
    order = patient_order(development, seed=0, task="t", draw=0)
    assert 4 <= development.has[order[:10], 2].sum() <= 6


def test_whole_patients_are_taken_until_there_are_enough_scans() -> None:
    owners = np.repeat(np.arange(12), [1, 6] * 6)
    development = Development(owners, np.repeat([0, 1] * 6, [1, 6] * 6), ["a", "b"])
    order = patient_order(development, seed=0, task="t", draw=0)
    drawn = draw(development, Budget(12, "scans"), order, cap=4)
    assert 12 <= drawn.n_scans < 12 + 4
    assert np.bincount(owners[drawn.rows]).max() == 4
    assert available(development, "scans", cap=4) == 6 * 1 + 6 * 4
    assert available(development, "scans", cap=0) == 42
    assert available(development, "patients", cap=4) == 12
    everything = draw(development, Budget(ALL, "scans"), order, cap=0)
    assert (everything.n_scans, everything.n_patients) == (42, 12)


@pytest.mark.parametrize(
    ("counts", "budget", "words"),
    [
        ([30, 1], 10, "too few patients.*c1.*at least 2"),
        ([30, 30, 30], 5, "5 patients is too small.*c0: 30, c1: 30, c2: 30.*smallest budget here is 6"),
        ([6, 6], 13, "more than there is: 12 patients.*smaller budget, or all"),
    ],
)
def test_a_budget_that_cannot_be_drawn_says_why(counts: list[int], budget: int, words: str) -> None:
    development = people(counts)
    order = patient_order(development, seed=0, task="t", draw=0)
    with pytest.raises(InputError, match=words):
        draw(development, Budget(budget, "patients"), order)
