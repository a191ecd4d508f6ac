"""One arm against its reference: differences per budget with a band, the area, labels saved, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.study.contrasts import Contrast, area_weights, contrast, holm, holm_levels, simultaneous_factor
from workbench.study.covariance import Covariance
from workbench.study.curves import Curves
from workbench.study.labels_saved import ENOUGH_TEST_PATIENTS, Ratio, pooled, ratios, replicates
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
class Comparison:
    """What a study says of one arm and protocol.

    Attributes:
        arm, protocol, reference, reference_protocol: What is compared.
        primary: Whether it belongs to the family whose verdicts are corrected together.
        area: Difference of the areas under the curves over the logarithm of the labels.
        p_holm: Its p-value after Holm's correction over the family (uncorrected when not primary).
        low, high: Interval of the area after that correction.
        differences: Per budget.
        labels_saved: One factor for the whole curve, or None where it cannot be told.
        per_budget: The factor at each budget.
        verdict: In words.
        warnings: What a reader must know.
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
    per_budget: list[Ratio]
    verdict: Verdict
    warnings: list[str] = field(default_factory=list)


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
    differences = _differences(curves, covariance, places, seed)
    warnings = []
    saved, each = None, []
    if falls(curves, covariance, [own for own, _ in places]) or falls(
        curves, covariance, [other for _, other in places]
    ):
        warnings.append("A curve falls with more labels by more than chance explains; labels saved are not computed.")
    elif len(places) > 1 and area.se > 0:
        saved, each = _labels_saved(curves, covariance, places, seed)
        if curves.test_patients[1] < ENOUGH_TEST_PATIENTS:
            warnings.append(
                f"With {curves.test_patients[1]} test patients the labels saved are barely informative; "
                f"{ENOUGH_TEST_PATIENTS} or more are needed."
            )
    verdict = judge(
        pair.curve[0],
        pair.reference[0],
        area,
        holm_level=level,
        band=[(d.budget, d.low, d.high) for d in differences],
        fewest_test_patients=curves.test_patients[0],
        blocked=pair.blocked,
        margin=margin,
    )
    low, high = area.interval(level)
    return Comparison(
        *pair.curve, *pair.reference, pair.primary, area, p_holm, low, high, differences, saved, each, verdict, warnings
    )


def _differences(curves: Curves, covariance: Covariance, places: list[tuple[int, int]], seed: int) -> list[Difference]:
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
    return found


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
    curves: Curves, covariance: Covariance, places: list[tuple[int, int]], seed: int
) -> tuple[Ratio | None, list[Ratio]]:
    own, other = (np.array(side) for side in zip(*places, strict=True))
    sigma = covariance.new_pool
    weights = np.zeros(len(curves.cells))
    weights[own], weights[other] = 1 / len(own), -1 / len(own)
    _, df = covariance.variance(weights)
    samples = replicates(curves.theta, sigma, df, seed=seed)
    variance = np.maximum(np.diag(sigma), 1e-12)
    masses: tuple[NDArray[np.float64], NDArray[np.float64]] = (1 / variance[own], 1 / variance[other])
    budgets = [(curves.cells[i].n + curves.cells[j].n) / 2 for i, j in places]
    theta = curves.theta
    shared = (budgets, theta[own], theta[other], samples[:, own], samples[:, other], masses)
    return pooled(*shared), ratios(*shared)
