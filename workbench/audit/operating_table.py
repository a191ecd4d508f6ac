"""The operating point at every budget: where the line that was set inside the budget really lies, and what it means.

Beside it stands the oracle, a line set on the test set itself: nobody has it, so it only describes what was lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audit.groups import Value
from workbench.audit.material import Material
from workbench.audit.operating import Rates, rates_of
from workbench.audit.scores import Point
from workbench.evaluation.prevalence import predictive_values


@dataclass(frozen=True)
class OperatingAt:
    """One budget.

    Attributes:
        budget, n: Labels.
        sensitivity, specificity: On the test set, at the line of the budget's own labels.
        oracle_sensitivity: At the wanted specificity on the test set's own ROC curve; a mean over draws.
        draws_with_line: How many of the draws had enough negatives.
        draws: All.
        transferred: Whether the line rests on the budget's own labels.
        note: What is missing; else empty.
    """

    budget: str
    n: float
    sensitivity: Value
    specificity: Value
    oracle_sensitivity: float
    draws_with_line: int
    draws: int
    transferred: bool
    note: str


@dataclass(frozen=True)
class Predictive:
    """Predictive values at one prevalence, at the primary budget."""

    prevalence: float
    what: str
    positive: Value
    negative: Value


@dataclass(frozen=True)
class Operating:
    """All budgets, and predictive values at the primary one."""

    specificity: float
    budgets: list[OperatingAt]
    predictive: list[Predictive]


NOTHING = Value(float("nan"), float("nan"), float("nan"))


def operating_points(
    material: Material, weights: NDArray[np.floating], *, prevalence: float | None = None
) -> Operating:
    """The line at every budget, and predictive values at the declared prevalence, half and twice of it.

    Args:
        material: Scores and truth.
        weights: ``(B, U)`` bootstrap weights of the test cases.
        prevalence: Where the model would be used; None for that of the labelled cases.
    """
    everyone = np.ones((1, len(material.subjects.truth)), bool)
    found, below, primary = [], None, None
    for point in material.points:
        lines = material.lines(point, weights)
        rates: Rates | None = None
        if len(lines.kept):
            rates = rates_of(
                point,
                material.question,
                material.subjects,
                everyone,
                lines,
                weights,
                pool_patients=material.pool_patients,
                stand_in=below,
                seed=material.seed,
            )
            below = rates if len(rates.values) > 1 and point.patients < material.pool_patients else below
        if point.budget == material.primary.budget:
            primary = rates
        sides = [
            Value(float(rates.estimate[side, 0]), *rates.interval(side, 0)) if rates is not None else NOTHING
            for side in (0, 1)
        ]
        found.append(
            OperatingAt(
                point.budget,
                point.n,
                sides[0],
                sides[1],
                _oracle(material, point),
                len(lines.kept),
                len(point.draws),
                lines.transferred,
                lines.note,
            )
        )
    return Operating(material.specificity, found, _predictive(material, primary, prevalence) if primary else [])


def _oracle(material: Material, point: Point) -> float:
    """Mean over draws of the best sensitivity at a specificity no lower than the one wanted."""
    truth, found = material.subjects.truth, []
    for score in material.score(point):
        negative = np.sort(score[truth == 0])
        allowed = int(np.floor((1 - material.specificity) * len(negative) + 1e-9))
        line = negative[len(negative) - 1 - allowed]
        found.append(float((score[truth == 1] > line).mean()))
    return float(np.mean(found))


def _predictive(material: Material, rates: Rates, prevalence: float | None) -> list[Predictive]:
    learned = float(material.subjects.truth.mean())
    if material.primary.inside:
        truths = [material.question.truth(inside.targets) for inside in material.primary.inside]
        learned = float(np.mean([truth[truth >= 0].mean() for truth in truths]))
    base = learned if prevalence is None else prevalence
    word = "of the labelled cases" if prevalence is None else "declared"
    made = []
    for factor, what in (
        (0.5, f"half the prevalence {word}"),
        (1.0, f"prevalence {word}"),
        (2.0, f"twice that {word}"),
    ):
        there = base * factor
        if not 0 < there < 1:
            continue
        plain = predictive_values(rates.estimate[0, 0], rates.estimate[1, 0], there)
        drawn = predictive_values(rates.samples[:, 0, 0], rates.samples[:, 1, 0], there)
        values = []
        for value, each in zip(plain, drawn, strict=True):
            low, high = np.nanpercentile(each, [2.5, 97.5]) if np.isfinite(each).any() else (np.nan, np.nan)
            values.append(Value(float(value), float(low), float(high)))
        made.append(Predictive(there, what, values[0], values[1]))
    return made
