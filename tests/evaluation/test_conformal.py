"""Prediction sets."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.conformal import fewest_needed, judge_sets, set_rule


def test_the_limit_is_the_right_order_statistic() -> None:
    """19 patients of one class, alpha 0.1: ceil(20 * 0.9) = 18th smallest score."""
    p = np.column_stack([1 - np.arange(1, 20) / 100, np.arange(1, 20) / 100])
    rule = set_rule(p, np.zeros(19, int), np.arange(19), alpha=0.1)
    assert rule.limits[0] == pytest.approx(0.18)
    assert np.isinf(rule.limits[1])  # nobody has class 1: it always belongs
    assert rule.sets(np.array([[0.82, 0.18], [0.81, 0.19]])).tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize(("alpha", "needed"), [(0.1, 9), (0.05, 19), (0.2, 4)])
def test_too_few_patients_rule_nothing_out(alpha: float, needed: int) -> None:
    assert fewest_needed(alpha) == needed
    p = np.column_stack([np.linspace(0.5, 0.9, needed), 1 - np.linspace(0.5, 0.9, needed)])
    y = np.zeros(needed, int)
    assert np.isfinite(set_rule(p, y, np.arange(needed), alpha=alpha).limits[0])
    assert np.isinf(set_rule(p[1:], y[1:], np.arange(needed - 1), alpha=alpha).limits[0])


def test_many_scans_of_one_patient_count_as_one_patient() -> None:
    """A patient with a hundred hopeless scans among 19 moves the limit no further than one hopeless patient."""
    p = 1 - np.arange(1, 20) / 100
    scores = np.concatenate([p, np.full(100, 0.01)])
    owner = np.concatenate([np.arange(19), np.full(100, 18)])
    rule = set_rule(np.column_stack([scores, 1 - scores]), np.zeros(119, int), owner, alpha=0.1)
    assert rule.patients[0] == 19
    assert rule.limits[0] == pytest.approx(0.18)


@pytest.mark.parametrize("count", [20, 50, 200])
def test_coverage_of_each_class_is_as_promised(count: int) -> None:
    """S21: between 0.9 and 0.9 + 1 / (n + 1), up to the error of the simulation."""
    random = np.random.default_rng(count)
    covered = []
    for _ in range(400):
        y = np.repeat([0, 1], count)
        z = random.standard_normal(2 * count) + 1.5 * y
        p1 = 1 / (1 + np.exp(-z))
        rule = set_rule(np.column_stack([1 - p1, p1]), y, np.arange(2 * count), alpha=0.1)
        test = np.repeat([0, 1], 50)
        q1 = 1 / (1 + np.exp(-(random.standard_normal(100) + 1.5 * test)))
        report = judge_sets(rule.sets(np.column_stack([1 - q1, q1])), test, np.arange(100))
        covered.append(report.coverage)
    mean, error = np.mean(covered, axis=0), 3 * np.std(covered, axis=0) / 20
    assert (mean >= 0.9 - error).all() and (mean <= 0.9 + 1 / (count + 1) + error).all(), mean


def test_the_report_counts_referrals_and_errors() -> None:
    sets = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [1, 0]], bool)
    report = judge_sets(sets, [0, 0, 1, 1, 1], ["a", "a", "b", "c", "d"])
    assert report.coverage.tolist() == [1.0, pytest.approx(1 / 3)]
    assert report.patients.tolist() == [1, 3]
    assert report.referred == pytest.approx(2 / 5)
    assert (report.read_alone, report.error_if_read) == (3, pytest.approx(1 / 3))


def test_spread_of_the_coverage_between_calibration_sets() -> None:
    """Beta(46, 5) for 50 patients and alpha 0.1: mean 0.902, standard deviation 0.041."""
    p = np.random.default_rng(0).random(50)
    rule = set_rule(np.column_stack([p, 1 - p]), np.zeros(50, int), np.arange(50), alpha=0.1)
    low, high = rule.coverage_spread(0)
    assert (low, high) == (pytest.approx(0.826, abs=0.005), pytest.approx(0.960, abs=0.005))
    assert rule.coverage_spread(1) == (1.0, 1.0)
