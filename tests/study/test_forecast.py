"""Forecasts: what they cover when the family is right, and when they must be refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.study.covariance import Covariance
from workbench.study.curves import Cell, Curves
from workbench.study.forecast import FAMILIES, Forecast, forecast

Array = NDArray[np.float64]
BUDGETS = np.array([20.0, 40, 80, 160, 320, 640])
CURVE = ("SimCLR", "probe")


def power(n: Array) -> Array:
    return 1 - (0.08 + 1.1 * n**-0.45)


def plateau_then_step(n: Array) -> Array:
    """Flat until a few hundred labels, then better at once: no family foresees it."""
    return np.where(n < 400, 0.70 + 0.005 * np.log(n / 20), 0.85)


def study(
    truth: Callable[[Array], Array],
    *,
    budgets: Array = BUDGETS,
    draws: int = 20,
    spread: float = 0.02,
    shift: float = 0.0,
    test_se: float = 0.01,
    seed: int = 0,
) -> tuple[Curves, Covariance]:
    """Curves with AUCs around the truth; the spread falls with the labels, the test patients shift all alike."""
    rng = np.random.default_rng(seed)
    cells, sigma = [], spread * np.sqrt(budgets[0] / budgets)
    for n, value, sd in zip(budgets, truth(budgets), sigma, strict=True):
        auc = np.clip(value + shift + sd * rng.standard_normal(draws), 0, 1)
        cells.append(Cell(*CURVE, str(int(n)), float(n), float(n), np.arange(draws), auc, np.zeros(4)))
    draw = np.diag([cell.auc.var(ddof=1) / draws for cell in cells])
    test = np.full((len(budgets), len(budgets)), test_se**2)
    covariance = Covariance([(test, 300)], draw, np.zeros_like(draw), np.full(len(budgets), draws))
    return Curves(cells, np.zeros(4, np.int64), 5000, (150, 400)), covariance


def simulate(truth: Callable[[Array], Array], seed: int, **more: float) -> Forecast:
    shift = 0.01 * float(np.random.default_rng(1000 + seed).standard_normal())
    return forecast(*study(truth, seed=seed, shift=shift, **more), CURVE, seed=seed)  # pyright: ignore[reportArgumentType]


def test_each_family_finds_its_own_curve() -> None:
    free = {
        "power law": np.array([-1.5, 0.0, -1.0]),
        "shifted power law": np.array([-1.5, 0.2, -1.0, 2.0]),
        "Morgan-Mercer-Flodin": np.array([-1.5, 3.0, -0.5]),
    }
    for family in FAMILIES:
        truth = family.error(free[family.name], BUDGETS)
        fit = family.fit(BUDGETS, truth, np.full(len(BUDGETS), 1000.0))
        assert np.abs(fit(BUDGETS) - truth).max() < 2e-3, family.name
        assert abs(fit(np.array([2560.0]))[0] - family.error(free[family.name], np.array([2560.0]))[0]) < 0.01


def test_interval_covers_a_power_law_at_twice_the_labels() -> None:
    given = [found for found in (simulate(power, seed) for seed in range(24)) if not found.refused]
    assert len(given) >= 18
    truth = float(power(np.array([1280.0]))[0])
    covered = np.mean([found.points[1].low <= truth <= found.points[1].high for found in given])
    assert covered >= 0.85
    widths = [found.points[1].high - found.points[1].low for found in given]
    assert np.median(widths) < 0.08  # it says something


def test_labels_for_a_target_are_told_with_an_interval() -> None:
    target = float(power(np.array([900.0]))[0])
    found = forecast(*study(power, spread=0.005, test_se=0.002), CURVE, targets=[target])
    (needed,) = found.required
    assert 600 < needed.n < 1300
    assert needed.low < 900 < needed.high
    assert needed.text.startswith(f"AUC {target:.3f}: about ") and "roughly 90 %" in needed.text
    assert found.advice.startswith("Label about 640 patients more")


def test_a_target_above_the_asymptote_may_never_be_reached() -> None:
    found = forecast(*study(power, spread=0.005, test_se=0.002), CURVE, targets=[0.97])
    assert not found.refused
    assert found.required[0].high == float("inf")
    assert "may never be reached" in found.required[0].text


def test_a_target_beyond_four_times_the_labels_is_not_answered() -> None:
    target = float(power(np.array([5000.0]))[0])
    found = forecast(*study(power, spread=0.002, test_se=0.0005), CURVE, targets=[target])
    assert not found.refused
    assert "beyond 4 times the largest budget" in found.required[0].text or "never" in found.required[0].text
    assert not np.isfinite(found.required[0].high)


def test_a_step_is_refused() -> None:
    found = forecast(*study(plateau_then_step, spread=0.01), CURVE, targets=[0.9])
    assert "the smaller budgets mispredict the largest one" in found.refused
    assert not found.points
    assert found.required[0].text == found.refused


@pytest.mark.parametrize(
    ("budgets", "draws", "words"),
    [
        ([20, 80, 320], 20, "3 budgets have 10 or more random choices"),
        ([20, 40, 80, 160, 320, 640], 5, "0 budgets have 10 or more random choices"),
        ([20, 30, 40, 50, 60, 70], 20, "the budgets span a factor of 4; 16 is needed"),
    ],
)
def test_too_little_is_refused(budgets: list[int], draws: int, words: str) -> None:
    found = forecast(*study(power, budgets=np.array(budgets, float), draws=draws), CURVE)
    assert found.refused.startswith("Not enough evidence to extrapolate: ") and words in found.refused


def test_a_falling_curve_is_refused() -> None:
    def hump(n: Array) -> Array:
        return np.where(n < 200, power(n), power(n) - 0.1)

    assert "falls with more labels" in forecast(*study(hump, spread=0.005, test_se=0.001), CURVE).refused


def test_the_same_seed_gives_the_same_forecast() -> None:
    curves, covariance = study(power)
    assert forecast(curves, covariance, CURVE, seed=3) == forecast(curves, covariance, CURVE, seed=3)
