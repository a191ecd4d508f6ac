"""The interval of the calibration error, and the calibration line."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.calibration import calibration_error
from workbench.evaluation.calibration_interval import calibration_line, squared_error_interval


def simulate(seed: int, *, n: int = 300, bend: float = 1.0, images: int = 1, alike: float = 0.0):
    """Predictions p whose truth is expit(logit(p) / bend); images of a patient are alike."""
    random = np.random.default_rng(seed)
    member = np.repeat(np.arange(n // images), images)
    z = 1.5 * random.standard_normal(n // images)[member]
    p = 1 / (1 + np.exp(-z))
    truth = 1 / (1 + np.exp(-z / bend))
    same = random.random(n // images)[member]
    own = np.where(random.random(n) < alike, same, random.random(n))
    return p, truth, (own < truth).astype(int), member


def true_error(p: np.ndarray, truth: np.ndarray) -> float:
    """What the error would be with endless scans in the same bins."""
    bins = np.array_split(np.argsort(p, kind="stable"), min(10, len(p) // 20))
    return sum(len(b) / len(p) * (p[b].mean() - truth[b].mean()) ** 2 for b in bins)


def test_value_is_the_debiased_error_of_independent_scans() -> None:
    p, _, y, _ = simulate(0)
    found = squared_error_interval(p, y, np.arange(len(p)))
    assert found.value == pytest.approx(calibration_error(p, y).squared, abs=0.002)
    assert 0 <= found.low <= max(found.value, 0) <= found.high


def test_true_probabilities_have_no_error_on_average() -> None:
    """S14: 100 scans, true probabilities: the mean of the debiased error lies within 0.002 of 0."""
    found = [squared_error_interval(*(simulate(seed, n=100)[i] for i in (0, 2)), np.arange(100)) for seed in range(300)]
    assert abs(np.mean([each.value for each in found])) < 0.002
    assert np.mean([each.low > 0 for each in found]) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 300)


@pytest.mark.parametrize("bend", [1.6, 2.5])
def test_the_interval_covers_the_true_error(bend: float) -> None:
    covered = []
    for seed in range(200):
        p, truth, y, member = simulate(seed, bend=bend)
        found = squared_error_interval(p, y, member)
        covered.append(found.low <= true_error(p, truth) <= found.high)
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)


def test_scans_of_one_patient_are_not_several_patients() -> None:
    """Four alike scans each: clustered intervals rarely call true probabilities wrong, plain ones often do."""
    clustered = plain = 0
    for seed in range(100):
        p, _, y, member = simulate(seed, n=400, images=4, alike=0.9)
        clustered += squared_error_interval(p, y, member).low > 0
        plain += squared_error_interval(p, y, np.arange(400)).low > 0
    assert clustered <= 8
    assert plain > 25


def test_too_few_scans_have_no_error() -> None:
    assert np.isnan(squared_error_interval(np.full(19, 0.5), np.zeros(19), np.arange(19)).value)


def test_the_line_finds_how_far_probabilities_are_bent() -> None:
    """Probabilities twice as extreme as the truth: slope 0.5; a shift of the logit by 0.7: intercept -0.7."""
    p, _, y, _ = simulate(1, n=40_000, bend=2.0)
    line = calibration_line(p, y)
    assert (line.slope, line.intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(0, abs=0.03))
    p, _, y, _ = simulate(2, n=40_000)
    odds = p / (1 - p) * np.exp(0.7)
    line = calibration_line(odds / (1 + odds), y)
    assert (line.slope, line.intercept) == (pytest.approx(1, abs=0.04), pytest.approx(-0.7, abs=0.05))


def test_the_influence_gives_the_lines_standard_error() -> None:
    slopes, told = [], []
    for seed in range(150):
        p, _, y, _ = simulate(seed, n=300)
        line = calibration_line(p, y)
        slopes.append(line.slope)
        told.append(np.sqrt((line.influence[:, 1] ** 2).sum()))
    assert np.mean(told) == pytest.approx(np.std(slopes), rel=0.15)


def test_separated_cases_give_a_finite_line() -> None:
    line = calibration_line([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert np.isfinite([line.intercept, line.slope]).all() and line.slope > 1
