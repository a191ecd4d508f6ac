from __future__ import annotations

import numpy as np
import pytest

from workbench.study.labels_saved import Ratio, monotone, needed, ratios, replicates

BUDGETS = np.array([10.0, 25.0, 100.0])
INF = float("inf")


def test_a_falling_stretch_is_levelled_by_weight() -> None:
    np.testing.assert_allclose(monotone(np.array([0.7, 0.6, 0.9]), np.ones(3)), [0.65, 0.65, 0.9])
    np.testing.assert_allclose(monotone(np.array([0.7, 0.6, 0.9]), np.array([3.0, 1, 1])), [0.675, 0.675, 0.9])
    several = monotone(np.array([[0.9, 0.8, 0.7], [0.1, 0.2, 0.3]]), np.ones(3))
    np.testing.assert_allclose(several, [[0.8, 0.8, 0.8], [0.1, 0.2, 0.3]])


def test_labels_needed_for_a_level() -> None:
    curve = np.array([0.6, 0.7, 0.8])
    assert needed(0.7, BUDGETS, curve) == pytest.approx((25, 25))
    between = 1 / ((1 / np.sqrt(25) + 1 / np.sqrt(100)) / 2) ** 2  # half way in 1 / sqrt(n)
    assert needed(0.75, BUDGETS, curve) == pytest.approx((between, between))
    assert needed(0.81, BUDGETS, curve) == (100, INF)
    assert needed(0.59, BUDGETS, curve) == (0, 10)
    assert needed(0.6, BUDGETS, curve) == (10, 10)
    assert needed(0.7, BUDGETS, np.array([0.6, 0.7, 0.7])) == pytest.approx((25, 25))  # the least that suffice


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (Ratio(3, 3, 1.7, 5.4), "3.0x (1.7-5.4x)"),
        (Ratio(3, 3, 1.8, INF), "> 1.8x (the reference never got there within the data)"),
        (Ratio(0.5, 0.5, 0, 0.6), "< 0.6x: costs labels"),
        (Ratio(1, 1, 0, 1.6), "< 1.6x"),
        (Ratio(1, 1, 0, INF), "not estimable"),
        (Ratio(0.5, 0.5, 0.3, 0.8), "0.5x (0.3-0.8x): costs labels"),
        (Ratio(0, 0.4, 0.3, 0.8), "0.3-0.8x: costs labels"),
    ],
)
def test_ratios_in_words(ratio: Ratio, words: str) -> None:
    assert str(ratio) == words


def test_replicates_scatter_as_they_should() -> None:
    sigma = np.array([[4.0, 1.5], [1.5, 1.0]]) * 1e-4
    made = replicates(np.array([0.7, 0.8]), sigma, INF, count=20_000, seed=1)
    np.testing.assert_allclose(made.mean(axis=0), [0.7, 0.8], atol=5e-4)
    np.testing.assert_allclose(np.cov(made.T), sigma, rtol=0.05)
    heavy = replicates(np.array([0.7, 0.8]), sigma, 5.0, count=20_000, seed=1)
    np.testing.assert_allclose(np.cov(heavy.T), sigma * 5 / 3, rtol=0.15)


def test_the_arm_may_have_budgets_of_its_own() -> None:
    """An arm at 5 labels as good as the reference at 25 saves four fifths of them."""
    reference = np.array([0.6, 0.7, 0.8])
    arm = np.array([0.7, 0.9])
    found = ratios(
        ([5, 50], BUDGETS), arm, reference, np.tile(arm, (50, 1)), np.tile(reference, (50, 1)),
        (np.ones(2), np.ones(3)),
    )  # fmt: skip
    assert str(found[0]) == "5.0x (5.0-5.0x)"
    assert found[1].censored
    assert str(found[1]) == "> 2.0x (the reference never got there within the data)"


def test_monotone_is_isotonic_regression() -> None:
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(0)
    theta, weights = random.random((30, 7)), random.random(7) + 0.1
    wanted = [IsotonicRegression().fit(np.arange(7), row, weights).predict(np.arange(7)) for row in theta]
    np.testing.assert_allclose(monotone(theta, weights), wanted, atol=1e-12)
