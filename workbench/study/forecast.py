"""How many labels would reach a target: a learning curve continued beyond the labels at hand, or a refusal.

Three families for the error e = 1 - AUC at n labels, of which none is best everywhere (Viering & Loog 2023, "The shape
of learning curves"; Mohr et al. 2022, LCDB): the power law ``c + a n^-b``, the shifted power law ``c + a (n + d)^-b``,
and the Morgan-Mercer-Flodin curve ``c + (0.5 - c) / (1 + (n / k)^b)``. The forecast is their median. Budgets weigh by
the inverse of their variance between draws and pools (weighting: Figueroa et al. 2012); the test patients' share of
the variance moves the whole curve together and is added afterwards. The interval comes from refits to curves drawn
from that variance, widened by the error of predicting the largest budget from the smaller ones.

A forecast that cannot be trusted is refused with the reason. A fit that predicts its own last budget is no proof that
it predicts the next: the back-test may veto, never vouch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.study.comparison import falls
from workbench.study.covariance import Covariance, nearest_psd
from workbench.study.curves import Curves

Array = NDArray[np.float64]

REPLICATES = 200
FEWEST_BUDGETS, FEWEST_DRAWS, LEAST_RANGE = 5, 10, 16.0
FURTHEST = 4.0  # times the largest budget
BACK_TEST_ERROR, FAMILY_SPREAD = 0.01, 0.02
POOL_SHARE = 0.8
NEVER_SHARE = 0.1
NUGGET = 0.003  # standard deviation of what no family describes
PRIOR = 0.15  # residual units per unit of a parameter
CHANCE = 0.5


@dataclass(frozen=True)
class Point:
    """Expected AUC at a number of labels, with an interval of roughly 90 %."""

    n: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Required:
    """Labels that a target needs.

    Attributes:
        target: AUC.
        n, low, high: Labels; infinite where the target may never be reached, nan where refused.
        text: In words.
    """

    target: float
    n: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Forecast:
    """What more labels would bring to one curve.

    Attributes:
        arm, protocol: Whose curve.
        refused: Why no forecast is given; empty when one is.
        points: At one, two and four times the largest budget; empty when refused.
        required: One per target.
        back_test: Error of predicting the largest budget from the smaller ones, AUC; nan where it was not made.
        advice: What to do next, in words.
    """

    arm: str
    protocol: str
    refused: str
    points: list[Point] = field(default_factory=list)
    required: list[Required] = field(default_factory=list)
    back_test: float = float("nan")
    advice: str = ""


def forecast(
    curves: Curves,
    covariance: Covariance,
    curve: tuple[str, str],
    *,
    targets: Sequence[float] = (),
    unit: str = "patients",
    seed: int = 0,
) -> Forecast:
    """Continue one curve.

    Args:
        curves: All cells of the study.
        covariance: Of their means.
        curve: ``(arm, protocol)``.
        targets: AUCs whose price in labels is asked for.
        unit: What is counted along the axis, for the sentences.
        seed: Of the replicates.
    """
    places = curves.places(*curve)
    n = np.array([curves.cells[i].n for i in places])
    theta = np.array([curves.cells[i].theta for i in places])
    spread = covariance.draw[np.ix_(places, places)] + covariance.pool[np.ix_(places, places)]
    reason = _too_little(curves, covariance, places, n)
    if reason:
        return _refusal(curve, reason, targets)
    weights = 1 / np.sqrt(np.diag(spread) + NUGGET**2)
    fits = [family.fit(n, 1 - theta, weights) for family in FAMILIES]
    before = [family.fit(n[:-1], 1 - theta[:-1], weights[:-1]) for family in FAMILIES]
    back_test = abs(float(np.median([1 - fit(n[-1:])[0] for fit in before])) - float(theta[-1]))
    largest = float(n[-1])
    if back_test > max(BACK_TEST_ERROR, 2 * float(np.sqrt(spread[-1, -1]))):
        reason = f"the smaller budgets mispredict the largest one by {back_test:.3f}"
        return _refusal(curve, reason, targets, back_test)
    ahead = np.array([1 - fit(np.array([FURTHEST * largest]))[0] for fit in fits])
    replicates = _replicates(n, theta, spread, weights, fits, back_test, seed)
    offset = _test_offset(covariance, places, theta, len(replicates), seed)

    def at(labels: float) -> tuple[float, Array]:
        value = float(np.median([1 - fit(np.array([labels]))[0] for fit in fits]))
        draws = np.array([1 - fit(np.array([labels]))[0] + error for fit, error in replicates])
        return value, _shifted(draws, offset)

    points = []
    for factor in (1.0, 2.0, FURTHEST):
        value, draws = at(factor * largest)
        low, high = np.quantile(draws, [0.025, 0.975])
        points.append(Point(factor * largest, value, float(low), float(high)))
    if float(np.ptp(ahead)) > FAMILY_SPREAD:
        reason = f"the families of curves differ by {np.ptp(ahead):.3f} at {FURTHEST * largest:,.0f} {unit}"
        return _refusal(curve, reason, targets, back_test)
    required = [_required(target, fits, replicates, offset, n, unit) for target in targets]
    advice = f"Label about {largest:,.0f} {unit} more, then run the study again: forecasts wear out quickly."
    return Forecast(*curve, refused="", points=points, required=required, back_test=back_test, advice=advice)


class Family:
    """One family of curves.

    Args:
        name: For people.
        error: ``(parameters, n)`` to e.
        starts: ``(n, e)`` to starting values of the free parameters.
    """

    def __init__(
        self, name: str, error: Callable[[Array, Array], Array], starts: Callable[[Array, Array], list[list[float]]]
    ) -> None:
        self.name, self.error, self.starts = name, error, starts

    def fit(self, n: Array, e: Array, weights: Array, start: Array | None = None) -> Fit:
        """Weighted least squares with a weak prior around the starting values.

        Args:
            n: ``(B,)`` labels.
            e: ``(B,)`` errors.
            weights: ``(B,)`` one over the standard deviation of each.
            start: Where to begin; several places when not given.
        """
        from scipy.optimize import least_squares

        best = None
        for guess in [start] if start is not None else [np.array(s) for s in self.starts(n, e)]:

            def residuals(free: Array, centre: Array = guess) -> Array:
                return np.concatenate([(self.error(free, n) - e) * weights, PRIOR * (free - centre)])

            found = least_squares(residuals, guess, max_nfev=200)
            if best is None or found.cost < best.cost:
                best = found
        assert best is not None
        return Fit(self, np.asarray(best.x, dtype=np.float64))


@dataclass(frozen=True)
class Fit:
    """A family with its parameters; called with ``(K,)`` labels it gives ``(K,)`` errors."""

    family: Family
    free: Array

    def __call__(self, n: Array) -> Array:
        """Expected error, 1 - AUC."""
        return self.family.error(self.free, n)


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def _power(free: Array, n: Array) -> Array:
    floor, scale, rate = 0.5 * _sigmoid(free[0]), np.exp(np.clip(free[1], -20, 5)), 2 * _sigmoid(free[2])
    return floor + scale * n**-rate


def _shifted_power(free: Array, n: Array) -> Array:
    floor, scale, rate = 0.5 * _sigmoid(free[0]), np.exp(np.clip(free[1], -20, 5)), 2 * _sigmoid(free[2])
    return floor + scale * (n + np.exp(np.clip(free[3], -10, 12))) ** -rate


def _mmf(free: Array, n: Array) -> Array:
    floor, rate = 0.5 * _sigmoid(free[0]), 2 * _sigmoid(free[2])
    return floor + (CHANCE - floor) / (1 + (n / np.exp(np.clip(free[1], -10, 20))) ** rate)


def _logit(p: float) -> float:
    p = min(max(p, 1e-3), 1 - 1e-3)
    return float(np.log(p / (1 - p)))


def _power_starts(n: Array, e: Array) -> list[list[float]]:
    starts = []
    for floor_share, rate in ((0.5, 0.5), (0.8, 0.8), (0.2, 0.3)):
        floor = floor_share * float(e.min())
        scale = max(float(e[0]) - floor, 1e-3) * float(n[0]) ** rate
        starts.append([_logit(2 * floor), float(np.log(scale)), _logit(rate / 2)])
    return starts


def _mmf_starts(n: Array, e: Array) -> list[list[float]]:
    starts = []
    for floor_share, rate in ((0.5, 0.6), (0.8, 0.9), (0.2, 0.4)):
        floor = floor_share * float(e.min())
        ratio = max((CHANCE - floor) / max(float(np.median(e)) - floor, 1e-3) - 1, 1e-2)
        starts.append([_logit(2 * floor), float(np.log(np.median(n)) - np.log(ratio) / rate), _logit(rate / 2)])
    return starts


FAMILIES = (
    Family("power law", _power, _power_starts),
    Family(
        "shifted power law", _shifted_power, lambda n, e: [[*s, float(np.log(n[0] / 2))] for s in _power_starts(n, e)]
    ),
    Family("Morgan-Mercer-Flodin", _mmf, _mmf_starts),
)


def _too_little(curves: Curves, covariance: Covariance, places: list[int], n: Array) -> str:
    cells = [curves.cells[i] for i in places]
    drawn = [cell for cell in cells if len(cell.auc) >= FEWEST_DRAWS]
    if len(drawn) < FEWEST_BUDGETS:
        several = f"{FEWEST_DRAWS} or more random choices of the labels"
        return f"{len(drawn)} budgets have {several}; {FEWEST_BUDGETS} are needed"
    if n[-1] / n[0] < LEAST_RANGE:
        return f"the budgets span a factor of {n[-1] / n[0]:.0f}; {LEAST_RANGE:.0f} is needed"
    if falls(curves, covariance, places):
        return "the curve falls with more labels by more than chance explains"
    last = cells[-1]
    if len(last.auc) < 2 and last.patients > POOL_SHARE * curves.pool_patients and len(drawn) < FEWEST_BUDGETS + 1:
        return "the largest budget is nearly the whole pool and was drawn once"
    return ""


def _refusal(
    curve: tuple[str, str], reason: str, targets: Sequence[float], back_test: float = float("nan")
) -> Forecast:
    nan = float("nan")
    text = f"Not enough evidence to extrapolate: {reason}."
    return Forecast(
        *curve,
        refused=text,
        required=[Required(target, nan, nan, nan, text) for target in targets],
        back_test=back_test,
        advice="Add budgets, random choices or labels, then run the study again.",
    )


def _replicates(
    n: Array, theta: Array, spread: Array, weights: Array, fits: Sequence[Fit], back_test: float, seed: int
) -> list[tuple[Fit, float]]:
    """Refits to curves drawn from the spread, a family at random for each, with an error of the model's own size."""
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(nearest_psd(spread))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    drawn = theta + rng.standard_normal((REPLICATES, len(n))) @ root.T
    chosen = rng.integers(len(FAMILIES), size=REPLICATES)
    errors = back_test * rng.standard_normal(REPLICATES)
    return [
        (FAMILIES[which].fit(n, 1 - curve, weights, start=fits[which].free), float(error))
        for curve, which, error in zip(drawn, chosen, errors, strict=True)
    ]


def _test_offset(covariance: Covariance, places: list[int], theta: Array, count: int, seed: int) -> Array:
    """The test patients' share of the variance: one offset per replicate on the logit scale for the whole curve."""
    last = places[-1]
    variance = sum(float(part[last, last]) for part, _ in covariance.test)
    slope = max(float(theta[-1] * (1 - theta[-1])), 1e-3)
    return np.sqrt(max(variance, 0.0)) / slope * np.random.default_rng(seed + 1).standard_normal(count)


def _shifted(auc: Array, offset: Array) -> Array:
    auc = np.clip(auc, 1e-4, 1 - 1e-4)
    return 1 / (1 + np.exp(-(np.log(auc / (1 - auc)) + offset)))


def _required(
    target: float, fits: Sequence[Fit], replicates: list[tuple[Fit, float]], offset: Array, n: Array, unit: str
) -> Required:
    grid = np.geomspace(n[0], 100 * n[-1], 400)
    nan = float("nan")

    def first(values: Array) -> float:
        reached = np.flatnonzero(values >= target)
        return float(grid[reached[0]]) if len(reached) else float("inf")

    middle = first(np.median([1 - fit(grid) for fit in fits], axis=0))
    each = np.array(
        [first(_shifted(1 - fit(grid) + error, shift)) for (fit, error), shift in zip(replicates, offset, strict=True)]
    )
    low, high = (float(np.quantile(each, q, method="inverted_cdf")) for q in (0.025, 0.975))
    if np.isfinite(middle) and middle > FURTHEST * n[-1]:
        text = (
            f"Not enough evidence to extrapolate: an AUC of {target:.3f} lies beyond {FURTHEST:.0f} times the largest "
            f"budget ({FURTHEST * n[-1]:,.0f} {unit})."
        )
        return Required(target, nan, nan, nan, text)
    ceiling = np.quantile([1 - fit(np.array([1e9]))[0] for fit, _ in replicates], 0.1)
    if not np.isfinite(middle) or np.mean(~np.isfinite(each)) > NEVER_SHARE or target > ceiling:
        bound = f"at least {low:,.0f} {unit}; " if np.isfinite(low) else ""
        return Required(target, middle, low, float("inf"), f"AUC {target:.3f}: {bound}it may never be reached.")
    text = f"AUC {target:.3f}: about {middle:,.0f} {unit} (roughly 90 %: {low:,.0f} to {high:,.0f})."
    return Required(target, middle, low, high, text)
