from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from workbench.study.contrasts import Contrast, area_weights, contrast, curve_interval, holm, holm_levels
from workbench.study.contrasts import simultaneous_factor as factor
from workbench.study.covariance import Covariance


def test_interval_and_p_agree() -> None:
    found = Contrast(0.04, 0.02, 7.0)
    low, high = found.interval()
    half = student.ppf(0.975, 7) * 0.02
    assert (low, high) == pytest.approx((0.04 - half, 0.04 + half))
    assert found.p == pytest.approx(2 * student.sf(2, 7))
    assert Contrast(0.04, student.ppf(0.975, 7) ** -1 * 0.04, 7.0).p == pytest.approx(0.05)
    assert Contrast(0.0, 0.0, float("inf")).interval() == (0, 0)


def test_satterthwaite() -> None:
    """Parts of variance 3 (df 9), 1 (df 4) and 2 (df 4): 36 / (9/9 + 1/4 + 4/4)."""
    unit = np.ones((1, 1))
    parts = Covariance([(3 * unit, 9)], unit, 2 * unit, np.array([5]))
    found = contrast(np.array([0.7]), parts, np.ones(1))
    assert found.se == pytest.approx(np.sqrt(6))
    assert found.df == pytest.approx(36 / (9 / 9 + 1 / 4 + 4 / 4))
    assert contrast(np.array([0.7]), parts, np.ones(1), level=1).se == pytest.approx(2)


def test_weights_of_the_area() -> None:
    np.testing.assert_allclose(area_weights([10, 100, 1000]), [0.25, 0.5, 0.25])
    np.testing.assert_allclose(area_weights([50]), [1])
    assert area_weights([10, 25, 50, 400]).sum() == pytest.approx(1)


def test_an_interval_of_an_auc_stays_inside_and_is_never_too_narrow() -> None:
    low, high = curve_interval(1.0, 0.0, float("inf"), (20, 50))
    assert low < 0.99 and high == 1.0
    low, high = curve_interval(0.8, 1e-6, 48.0, (20, 50))
    floor = np.sqrt(0.8 * 0.2 / (0.75 * 50 - 1))
    assert high - low > 3 * floor
    wide = curve_interval(0.8, 0.2, 48.0, (20, 50))
    assert 0 < wide[0] < low and high < wide[1] < 1


def test_a_perfect_auc_has_a_sensible_interval() -> None:
    """Wilson's for 0.75 * 87 - 1 trials; a spread between draws that is wider than that counts instead."""
    low, high = curve_interval(1.0, 0.0, 60.0, (49, 87))
    assert (round(low, 3), high) == (0.941, 1.0)
    assert curve_interval(1.0, 0.001, 60.0, (49, 87))[0] == low
    assert curve_interval(1.0, 0.05, 60.0, (49, 87))[0] == pytest.approx(1 - 2.0003 * 0.05, abs=1e-4)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_intervals_agree_with_holm() -> None:
    """An interval excludes 0 exactly where the adjusted p is below 0.05."""
    for p in ([0.01, 0.04, 0.03], [0.001, 0.02, 0.04], [0.2, 0.01], [0.03]):
        for adjusted, level, raw in zip(holm(p), holm_levels(p), p, strict=True):
            assert (adjusted < 0.05) == (raw < 1 - level)
    assert holm_levels([0.001, 0.02, 0.04]) == pytest.approx([1 - 0.05 / 3, 0.975, 0.95])


def test_a_band_over_nothing_or_one_budget() -> None:
    assert factor(np.zeros((2, 2)), 10.0) == 0
    assert factor(np.ones((1, 1)), 10.0) == pytest.approx(student.ppf(0.975, 10), abs=0.06)
    assert factor(np.diag([1.0, 0.0]), np.inf) == pytest.approx(1.96, abs=0.04)
