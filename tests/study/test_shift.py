"""One factor for the whole curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from workbench.study.shift import best_shift, farthest, pooled

BUDGETS = (10.0, 25.0, 50.0, 100.0, 250.0)
ONES = np.ones(5)


def curve(n: object, ceiling: float = 0.9) -> np.ndarray:
    """A curve that is linear in -1/sqrt(n), so that interpolation is exact."""
    return ceiling - 0.7 / np.sqrt(np.asarray(n, dtype=float))


def noisy(arm: np.ndarray, reference: np.ndarray, se: float, seed: int, count: int = 250) -> tuple:
    """Observed curves with independent errors, and replicates of them."""
    random = np.random.default_rng(seed)
    seen = [line + se * random.standard_normal(5) for line in (arm, reference)]
    samples = [line + se * random.standard_normal((count, 5)) for line in seen]
    return (*seen, *samples, (ONES / se**2, ONES / se**2))


@pytest.mark.parametrize("factor", [1.0, 2.0, 3.0, 0.5])
def test_a_shifted_curve_gives_its_factor(factor: float) -> None:
    found, left, inside = best_shift(
        BUDGETS, curve(np.array(BUDGETS) * factor)[None], curve(np.array(BUDGETS))[None], ONES
    )
    assert np.exp(found[0]) == pytest.approx(factor, rel=0.008)  # the grid's step is 1.5 %
    within = np.array(BUDGETS) * factor
    np.testing.assert_array_equal(inside[0], (within >= 10) & (within <= 250))
    np.testing.assert_allclose(left[0][inside[0]], 0, atol=1e-3)


def test_the_arm_and_the_reference_change_places() -> None:
    random = np.random.default_rng(0)
    first, second = (np.sort(0.6 + 0.3 * random.random((20, 5)), axis=1) for _ in range(2))
    there, back = best_shift(BUDGETS, first, second, ONES)[0], best_shift(BUDGETS, second, first, ONES)[0]
    np.testing.assert_allclose(there, -back, atol=1e-12)


def test_equal_flat_curves_claim_nothing() -> None:
    flat = np.full((1, 5), 0.8)
    assert best_shift(BUDGETS, flat, flat, ONES)[0][0] == 0.0


def test_two_budgets_are_too_few() -> None:
    two = np.array([0.7, 0.8])
    samples = np.tile(two, (10, 1))
    assert pooled((10, 25), two, two, samples, samples, (np.ones(2), np.ones(2))) is None


def test_three_budgets_give_a_factor_but_cannot_be_shifted_far() -> None:
    three = (10.0, 30.0, 90.0)
    random = np.random.default_rng(0)
    line = curve(np.array(three))
    samples = [line + 0.005 * random.standard_normal((300, 3)) for _ in range(2)]
    found = pooled(three, line, line, *samples, (np.ones(3), np.ones(3)))
    assert found is not None
    assert found.ratio.low_point == pytest.approx(1.0)
    assert found.ratio.low < 1 < found.ratio.high
    assert farthest(three) == pytest.approx(np.log(3), abs=0.016)


def test_the_interval_holds_the_truth_and_parallel_curves_pass() -> None:
    covered, p = [], []
    for seed in range(80):
        found = pooled(BUDGETS, *noisy(curve(np.array(BUDGETS) * 2), curve(np.array(BUDGETS)), 0.012, seed))
        assert found is not None
        covered.append(found.ratio.low <= 2 <= found.ratio.high)
        p.append(found.parallel_p)
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 80)
    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)
    assert kstest(p, "uniform").statistic < 0.25  # neither always sure nor never


def test_crossing_curves_are_not_one_factor() -> None:
    steep = 0.95 - 1.1 / np.sqrt(np.array(BUDGETS))
    found = pooled(BUDGETS, *noisy(steep, curve(np.array(BUDGETS), 0.84), 0.006, 1))
    assert found is not None
    assert found.parallel_p < 0.05
    assert not found.parallel


def test_a_factor_at_the_end_of_the_grid_is_a_bound() -> None:
    """The arm is at the reference's end from the beginning on: only a lower bound can be had."""
    high, low = np.full(5, 0.9), np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    random = np.random.default_rng(0)
    samples = [line + 0.002 * random.standard_normal((300, 5)) for line in (high, low)]
    found = pooled(BUDGETS, high, low, *samples, (ONES, ONES))
    assert found is not None
    assert np.isinf(found.ratio.high) and np.isinf(found.ratio.high_point)
    assert found.ratio.censored
    assert str(found.ratio).startswith("> ")
