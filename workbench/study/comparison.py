"""One arm against its reference: differences per budget with a band, the area, labels saved, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.study.cautions import DIFFERS, FALLS, FEW, Caution
from workbench.study.contrasts import Contrast, area_weights, contrast, holm, holm_levels, simultaneous_factor
from workbench.study.covariance import Covariance
from workbench.study.curves import Curves, curve_name
from workbench.study.labels_saved import ENOUGH_TEST_PATIENTS, Ratio, ratios, replicates
from workbench.study.shift import Shift, pooled
from workbench.study.verdict import Verdict, judge

FALL = 2.0


@dataclass(frozen=True)
class Difference:
    """Arm minus reference at one budget.

    Attributes:
        budget, n: As asked, and on the axis.
        value: Difference of the mean AUCs.
        low, high: Simultaneous 95 % band: it holds at all budgets at once.
        point_low, point_high: 95 % interval of this budget alone.
    """

    budget: str
    n: float
    value: float
    low: float
    high: float
    point_low: float
    point_high: float


@dataclass(frozen=True)
class BudgetRatio:
    """Labels saved at one budget of the arm, as asked and on the axis."""

    budget: str
    n: float
    ratio: Ratio


@dataclass(frozen=True)
class Comparison:
    """What a study says of one arm and protocol.

    Attributes:
        arm, protocol, reference, reference_protocol: What is compared.
        primary: Whether it belongs to the family whose verdicts are corrected together.
        area: Difference of the areas under the curves over the logarithm of the labels.
        p_holm: Its p-value after Holm's correction over the family (uncorrected when not primary).
        low, high: Interval of the area after that correction.
        differences: Per budget.
        labels_saved: One factor for the whole curve, or None where it cannot be told or does not describe it.
        parallel_p: p-value of the test that one factor describes the whole curve; nan where it was not made.
        per_budget: The factor at each budget of the arm.
        band_factor: Standard errors to either side of the simultaneous band.
        verdict: In words.
        cautions: What a reader of the labels saved must know.
    """

    arm: str
    protocol: str
    reference: str
    reference_protocol: str
    primary: bool
    area: Contrast
    p_holm: float
    low: float
    high: float
    differences: list[Difference]
    labels_saved: Ratio | None
    parallel_p: float
    per_budget: list[BudgetRatio]
    band_factor: float
    verdict: Verdict
    cautions: list[Caution] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """Which curve is compared with which."""

    curve: tuple[str, str]
    reference: tuple[str, str]
    primary: bool
    blocked: str = ""


def compare(
    curves: Curves, covariance: Covariance, pairs: list[Pair], *, margin: float, seed: int = 0
) -> list[Comparison]:
    """Compare every pair; pairs that share no budget are left out.

    Args:
        curves: All cells.
        covariance: Of their means.
        pairs: What to compare.
        margin: Difference that matters.
        seed: Of bands and bootstraps.
    """
    usable = [pair for pair in pairs if curves.paired(pair.curve, pair.reference)]
    areas = [_area(curves, covariance, pair) for pair in usable]
    primary = [number for number, pair in enumerate(usable) if pair.primary]
    adjusted = {number: areas[number].p for number in range(len(usable))}
    levels = dict.fromkeys(range(len(usable)), 0.95)
    p = [areas[number].p for number in primary]
    adjusted.update(zip(primary, holm(p), strict=True))
    levels.update(zip(primary, holm_levels(p), strict=True))
    return [
        _compare(curves, covariance, pair, areas[number], adjusted[number], levels[number], margin, seed)
        for number, pair in enumerate(usable)
    ]


def _area(curves: Curves, covariance: Covariance, pair: Pair) -> Contrast:
    places = curves.paired(pair.curve, pair.reference)
    share = area_weights([curves.cells[i].n for i, _ in places])
    weights = np.zeros(len(curves.cells))
    for (own, other), part in zip(places, share, strict=True):
        weights[own] += part
        weights[other] -= part
    return contrast(curves.theta, covariance, weights)


def _compare(
    curves: Curves,
    covariance: Covariance,
    pair: Pair,
    area: Contrast,
    p_holm: float,
    level: float,
    margin: float,
    seed: int,
) -> Comparison:
    places = curves.paired(pair.curve, pair.reference)
    differences, band_factor = _differences(curves, covariance, places, seed)
    cautions = []
    saved: Ratio | None = None
    shift, each = None, []
    both = curves.places(*pair.curve), curves.places(*pair.reference)
    if any(falls(curves, covariance, side) for side in both):
        cautions.append(Caution(FALLS))
    elif len(both[1]) > 1 and area.se > 0:
        shift, each = _labels_saved(curves, covariance, places, both, seed)
        if shift and shift.parallel:
            saved = shift.ratio
        elif shift:
            cautions.append(Caution(DIFFERS, shift.parallel_p))
        if curves.test_patients[1] < ENOUGH_TEST_PATIENTS:
            cautions.append(Caution(FEW, curves.test_patients[1]))
    verdict = judge(
        curve_name(*pair.curve),
        curve_name(*pair.reference),
        area,
        holm_level=level,
        band=[(d.budget, d.low, d.high) for d in differences],
        fewest_test_patients=curves.test_patients[0],
        blocked=pair.blocked,
        margin=margin,
    )
    low, high = area.interval(level)
    return Comparison(
        *pair.curve,
        *pair.reference,
        primary=pair.primary,
        area=area,
        p_holm=p_holm,
        low=low,
        high=high,
        differences=differences,
        labels_saved=saved,
        parallel_p=shift.parallel_p if shift else float("nan"),
        per_budget=each,
        band_factor=band_factor,
        verdict=verdict,
        cautions=cautions,
    )


def _differences(
    curves: Curves, covariance: Covariance, places: list[tuple[int, int]], seed: int
) -> tuple[list[Difference], float]:
    """Each budget's difference, and the factor of the band over all of them."""
    matrix = np.zeros((len(places), len(curves.cells)))
    for row, (own, other) in enumerate(places):
        matrix[row, own] += 1
        matrix[row, other] -= 1
    each = [contrast(curves.theta, covariance, weights) for weights in matrix]
    df = min((c.df for c in each), default=float("inf"))
    factor = simultaneous_factor(matrix @ covariance.new_pool @ matrix.T, df, seed=seed)
    found = []
    for c, (own, _) in zip(each, places, strict=True):
        cell = curves.cells[own]
        low, high = c.interval()
        half = max(factor * c.se, high - c.estimate)
        found.append(Difference(cell.budget, cell.n, c.estimate, c.estimate - half, c.estimate + half, low, high))
    return found, factor


def falls(curves: Curves, covariance: Covariance, places: list[int]) -> bool:
    """Whether a curve goes down somewhere by more than two standard errors."""
    for before, after in zip(places, places[1:], strict=False):
        weights = np.zeros(len(curves.cells))
        weights[before], weights[after] = 1, -1
        drop = contrast(curves.theta, covariance, weights)
        if drop.se > 0 and drop.estimate / drop.se > FALL:
            return True
    return False


def _labels_saved(
    curves: Curves,
    covariance: Covariance,
    places: list[tuple[int, int]],
    both: tuple[list[int], list[int]],
    seed: int,
) -> tuple[Shift | None, list[BudgetRatio]]:
    """The factor over the shared budgets, and one at every budget of the arm on the reference's whole curve."""
    sigma, theta = covariance.new_pool, curves.theta
    weights = np.zeros(len(curves.cells))
    for own, other in places:
        weights[own] += 1 / len(places)
        weights[other] -= 1 / len(places)
    _, df = covariance.variance(weights)
    samples = replicates(theta, sigma, df, seed=seed)
    mass = 1 / np.maximum(np.diag(sigma), 1e-12)
    n = np.array([cell.n for cell in curves.cells])
    own, other = (np.array(side) for side in zip(*places, strict=True))
    shift = pooled(n[own], theta[own], theta[other], samples[:, own], samples[:, other], (mass[own], mass[other]))
    own, other = (np.array(side) for side in both)
    each = ratios(
        (n[own], n[other]), theta[own], theta[other], samples[:, own], samples[:, other], (mass[own], mass[other])
    )
    cells = [curves.cells[place] for place in both[0]]
    return shift, [BudgetRatio(cell.budget, cell.n, ratio) for cell, ratio in zip(cells, each, strict=True)]
