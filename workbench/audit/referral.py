"""Which cases the model may read alone, and which it must hand to a person: prediction sets at every budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute
from workbench.audit.material import Material
from workbench.audit.scores import FEWEST_SHOWN, Point
from workbench.evaluation.conformal import SetRule, judge_sets, set_rule
from workbench.evaluation.interval import wilson


@dataclass(frozen=True)
class Referral:
    """Prediction sets at one budget, means over draws.

    Attributes:
        budget, n: Labels.
        classes: Names.
        coverage, low, high: ``(C,)`` share of each class's cases whose set holds it, with Wilson's interval.
        always: ``(C,)`` share of draws in which the class had too few patients, so that it was never ruled out.
        spread_low, spread_high: ``(C,)`` where the coverage lies for 90 % of labelled sets of this size.
        referred: Share of cases that go to a person.
        error_if_read: Share of wrong answers among the others; nan where there are none.
        read_alone: Share of the others.
    """

    budget: str
    n: float
    classes: list[str]
    coverage: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    always: NDArray[np.float64]
    spread_low: NDArray[np.float64]
    spread_high: NDArray[np.float64]
    referred: float
    error_if_read: float
    read_alone: float


@dataclass(frozen=True)
class GroupCoverage:
    """Prediction sets in one group at the primary budget."""

    attribute: str
    group: str
    patients: int
    coverage: float
    low: float
    high: float
    referred: float


def referral(material: Material, point: Point, classes: list[str], alpha: float) -> Referral | None:
    """Sets at one budget; None where no out-of-fold scores were kept.

    Args:
        material: The test cases.
        point: The scores.
        classes: Names.
        alpha: Share of each class that may be missed.
    """
    rules = _rules(material, point, alpha)
    if not rules:
        return None
    p, y = _as_classes(material, point)
    reports = [judge_sets(rule.sets(p[r]), y, material.subjects.patients) for r, rule in enumerate(rules)]
    names = classes if not material.question.multilabel else [f"no {material.question.name}", material.question.name]
    spread = np.array([[rule.coverage_spread(c) for c in range(len(names))] for rule in rules]).mean(axis=0)
    alone = np.array([report.read_alone for report in reports])
    wrong = np.array([np.nan_to_num(report.error_if_read) for report in reports]) * alone
    return Referral(
        point.budget,
        point.n,
        names,
        np.mean([report.coverage for report in reports], axis=0),
        np.mean([report.low for report in reports], axis=0),
        np.mean([report.high for report in reports], axis=0),
        np.mean([np.isinf(rule.limits) for rule in rules], axis=0),
        spread[:, 0],
        spread[:, 1],
        float(np.mean([report.referred for report in reports])),
        float(wrong.sum() / alone.sum()) if alone.sum() else float("nan"),
        float(alone.mean() / len(y)),
    )


def coverage_by_group(material: Material, attributes: list[Attribute], alpha: float) -> list[GroupCoverage]:
    """Coverage and referral of each group with ten patients or more, at the primary budget."""
    rules = _rules(material, material.primary, alpha)
    if not rules:
        return []
    p, y = _as_classes(material, material.primary)
    sets = np.stack([rule.sets(p[r]) for r, rule in enumerate(rules)])
    covered = sets[:, np.arange(len(y)), y].mean(axis=0)
    referred = (sets.sum(axis=2) != 1).mean(axis=0)
    found = []
    for attribute in attributes:
        for name in attribute.groups():
            rows = attribute.values == name
            _, member, sizes = np.unique(material.subjects.patients[rows], return_inverse=True, return_counts=True)
            patients = len(sizes)
            if patients < FEWEST_SHOWN or not Attribute.comparable(name):
                continue
            share = float((np.bincount(member, covered[rows]) / sizes).mean())
            low, high = wilson(share, patients)
            found.append(
                GroupCoverage(
                    attribute.name,
                    name,
                    patients,
                    share,
                    float(low),
                    float(high),
                    float(referred[rows].mean()),
                )
            )
    return found


def _as_classes(material: Material, point: Point) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities ``(R, U, C)`` and class indices; a finding of several becomes no and yes."""
    if material.question.multilabel:
        score = material.score(point)
        return np.stack([1 - score, score], axis=-1), material.subjects.truth
    return point.probabilities, np.asarray(material.subjects.targets, dtype=np.int64)


def _rules(material: Material, point: Point, alpha: float) -> list[SetRule]:
    rules = []
    for inside in point.inside:
        p, y = inside.probabilities, inside.targets
        if material.question.multilabel:
            score, y = material.question.score(p), material.question.truth(inside.targets)
            p = np.stack([1 - score, score], axis=-1)
        rules.append(set_rule(p[y >= 0], y[y >= 0], inside.patients[y >= 0], alpha=alpha))
    return rules
