"""Whom the model serves less well: groups of one attribute, compared with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute
from workbench.audit.case_mix import match, weighted_auc
from workbench.audit.groups import CurvePoint, Difference, Disparity, Group, Matched, Value
from workbench.audit.heterogeneity import Heterogeneity, auc_floor, heterogeneity
from workbench.audit.material import Material
from workbench.audit.operating import Rates, newcombe, rates_of
from workbench.audit.reliability import FEWEST_CASES, Reliability, observed_over_expected, reliability, shared_weights
from workbench.audit.scores import Point, Sizes
from workbench.audit.strata import Stratum, auc_stratum, joint
from workbench.study.contrasts import Contrast, area_weights, curve_interval, holm

METRICS = ("auc", "sensitivity", "specificity")
ALPHA = 0.05
DETECTABLE = 2.8


def disparities(material: Material, attributes: Sequence[Attribute]) -> list[Disparity]:
    """Audit every attribute; the tests of all of them are one family (Holm).

    Args:
        material: Scores and truth.
        attributes: What to look at.
    """
    found = [_attribute(material, attribute) for attribute in attributes]
    tests = [(number, metric) for number, each in enumerate(found) for metric in each.tests]
    adjusted = holm([found[number].tests[metric].p for number, metric in tests])
    for (number, metric), p in zip(tests, adjusted, strict=True):
        found[number].p_holm[metric] = p
    helps = [(a, g) for a, each in enumerate(found) for g, group in enumerate(each.groups) if group.help is not None]
    for (a, g), p in zip(helps, holm([found[a].groups[g].help.p for a, g in helps]), strict=True):  # type: ignore[union-attr]
        found[a].groups[g] = replace(found[a].groups[g], help_p=p)
    return [_named(each) for each in found]


def everyone(material: Material) -> Group:
    """The whole test set at every budget, in the form of a group."""
    part = np.ones(len(material.subjects.truth), bool)
    sizes = material.subjects.sizes()
    weights = shared_weights(material.subjects, None, material.replicates, material.seed)
    rates = _rates(material, part[None], weights)
    return Group(
        "everyone",
        sizes,
        True,
        points=_points(material, part, sizes, rates, 0),
        observed_expected=_observed(material, part, sizes, weights),
        calibration=_calibration(material, part, sizes),
    )


def _named(found: Disparity) -> Disparity:
    """Name groups, but only where the attribute as a whole differs."""
    groups = list(found.groups)
    for metric in found.tests:
        places = [
            (g, d) for g, group in enumerate(groups) for d, e in enumerate(group.differences) if e.metric == metric
        ]
        p = [groups[g].differences[d].contrast.p for g, d in places]
        # Of two groups each is the other's rest: one comparison.
        adjusted = p if len(places) == 2 else holm(p)
        for (g, d), value in zip(places, adjusted, strict=True):
            differences = list(groups[g].differences)
            lower = groups[g].differences[d].contrast.estimate < 0 or len(places) > 2
            named = found.p_holm[metric] < ALPHA and value < ALPHA and lower
            differences[d] = replace(differences[d], p_holm=value, named=named)
            groups[g] = replace(groups[g], differences=differences)
    return replace(found, groups=groups)


def _attribute(material: Material, attribute: Attribute) -> Disparity:
    names = attribute.groups()
    parts = np.array([attribute.values == name for name in names])
    known = attribute.comparable_rows()
    comparable = [attribute.comparable(name) for name in names]
    sizes = [material.subjects.sizes(part) for part in parts]
    rests = np.array([known & ~part for part in parts])
    codes = np.unique(attribute.values.astype(str), return_inverse=True)[1]
    weights = shared_weights(material.subjects, codes, material.replicates, material.seed)
    rates = _rates(material, np.concatenate([parts, rests]), weights)
    primary = rates.get(material.primary.budget)
    groups = []
    for k, name in enumerate(names):
        groups.append(
            Group(
                name,
                sizes[k],
                comparable[k],
                points=_points(material, parts[k], sizes[k], rates, k),
                observed_expected=_observed(material, parts[k], sizes[k], weights),
                calibration=_calibration(material, parts[k], sizes[k]),
            )
        )
    judged = _complete(attribute, comparable, [size.judged for size in sizes])
    tests: dict[str, Heterogeneity] = {}
    if len(judged) > 1:
        tests["auc"] = _auc_test(material, parts[judged], [sizes[k] for k in judged])
        for place, k in enumerate(judged):
            groups[k] = replace(groups[k], shrunken=float(tests["auc"].shrunken[place]))
            difference, lent = _auc_difference(material, parts[k], rests[k])
            groups[k].differences.append(difference)
            help_ = _help(material, parts[k], rests[k])
            matched = _matched(material, attribute, parts[k], rests[k], weights, lent)
            groups[k] = replace(groups[k], help=help_, matched=matched)
    if primary is not None:
        for side, metric in enumerate(("sensitivity", "specificity")):
            large = [size.judged_sensitivity if side == 0 else size.judged_specificity for size in sizes]
            enough = _complete(attribute, comparable, large)
            if len(enough) > 1:
                tests[metric] = _rate_test(primary, side, enough, material.seed)
                for k in enough:
                    groups[k].differences.append(_rate_difference(primary, side, k, len(names)))
    detectable = {
        metric: DETECTABLE * max(d.contrast.se for group in groups for d in group.differences if d.metric == metric)
        for metric in tests
    }
    return Disparity(attribute, groups, tests, {}, detectable)


def _complete(attribute: Attribute, comparable: list[bool], enough: list[bool]) -> list[int]:
    """Groups that may be tested; of a combination all of them or none."""
    chosen = [k for k, (fair, large) in enumerate(zip(comparable, enough, strict=True)) if fair and large]
    return [] if attribute.source == "combination" and len(chosen) < sum(comparable) else chosen


def _rates(material: Material, parts: NDArray[np.bool_], weights: NDArray[np.floating]) -> dict[str, Rates]:
    """Rates of all parts at every budget of the audited arm; budgets without a line are absent."""
    found: dict[str, Rates] = {}
    below: Rates | None = None
    for point in material.points:
        lines = material.lines(point, weights)
        if not len(lines.kept):
            continue
        made = rates_of(
            point,
            material.question,
            material.subjects,
            parts,
            lines,
            weights,
            pool_patients=material.pool_patients,
            stand_in=below,
            seed=material.seed,
        )
        found[point.budget] = made
        if len(made.values) > 1 and point.patients < material.pool_patients:
            below = made
    return found


def _points(
    material: Material, part: NDArray[np.bool_], sizes: Sizes, rates: dict[str, Rates], k: int
) -> list[CurvePoint]:
    nothing = Value(float("nan"), float("nan"), float("nan"))
    points = [*material.points, *material.reference]
    areas = [nothing] * len(points)
    if sizes.shown:
        stratum = auc_stratum(
            "group",
            part,
            [(p, material.score(p)) for p in points],
            material.subjects.truth,
            material.subjects.patients,
            material.subjects.patient_count,
        )
        fewest = (min(sizes.positive, sizes.negative), sizes.patients)
        together = joint([stratum], material.pool_patients)
        areas = [Value(c.estimate, *curve_interval(c.estimate, c.se, c.df, fewest)) for c in together.each()]
    made = []
    for number, (point, area) in enumerate(zip(points, areas, strict=True)):
        own = rates.get(point.budget) if number < len(material.points) else None
        sensitivity = specificity = None
        if own is not None and sizes.positive >= 10:
            sensitivity = Value(float(own.estimate[0, k]), *own.interval(0, k))
        if own is not None and sizes.negative >= 10:
            specificity = Value(float(own.estimate[1, k]), *own.interval(1, k))
        made.append(CurvePoint(point.arm, point.protocol, point.budget, point.n, area, sensitivity, specificity))
    return made


def _auc_test(material: Material, parts: NDArray[np.bool_], sizes: Sequence[Sizes]) -> Heterogeneity:
    points = material.with_stand_in()
    together = joint([_stratum(material, str(k), part, points) for k, part in enumerate(parts)], material.pool_patients)
    last = np.arange(len(parts)) * len(points) + len(points) - 1
    theta, total = together.theta[last], together.total[np.ix_(last, last)]
    people = np.array([s.patients for s in sizes], dtype=float)
    edges = np.array([1 / (2 * s.positive * s.negative) for s in sizes])
    floor = auc_floor(np.clip(theta, edges, 1 - edges), people)
    return heterogeneity(theta, total, edges=edges, least=floor, seed=material.seed)


def _rate_test(rates: Rates, side: int, which: list[int], seed: int) -> Heterogeneity:
    values, people = rates.estimate[side, which], rates.patients[side, which].astype(float)
    smooth = (values * people + 0.5) / (people + 1)
    least = smooth * (1 - smooth) / people
    edges = 1 / (2 * people)
    return heterogeneity(values, rates.covariance(side, which), edges=edges, least=least, seed=seed)


def _rate_difference(rates: Rates, side: int, k: int, count: int) -> Difference:
    weights = np.zeros(rates.values.shape[2])
    weights[k], weights[count + k] = 1, -1
    shares = [(float(rates.estimate[side, i]), int(rates.patients[side, i])) for i in (k, count + k)]
    return Difference(METRICS[side + 1], rates.contrast(side, weights), check=newcombe(shares[0], shares[1]))


def _auc_difference(
    material: Material, part: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> tuple[Difference, tuple[float, int]]:
    """Group minus rest at the primary budget, and how much of its variance is that over pools."""
    points = material.with_stand_in()
    together = joint(
        [_stratum(material, name, rows, points) for name, rows in (("group", part), ("rest", rest))],
        material.pool_patients,
    )
    one = np.eye(len(points))[-1]
    weights = np.concatenate([one, -one])
    pool = max(0.0, float(weights @ together.covariance.pool @ weights))
    return Difference("auc", together.contrast(weights)), (pool, max(len(points[0].draws) - 1, 1))


def _stratum(material: Material, name: str, rows: NDArray[np.bool_], points: Sequence[Point]) -> Stratum:
    subjects = material.subjects
    scores = [(point, material.score(point)) for point in points]
    return auc_stratum(name, rows, scores, subjects.truth, subjects.patients, subjects.patient_count)


def _help(material: Material, part: NDArray[np.bool_], rest: NDArray[np.bool_]) -> Contrast | None:
    """Gain of the arm over its reference in the group minus that elsewhere, over the logarithm of the labels."""
    pairs = material.paired()
    if not pairs:
        return None
    points = [point for pair in pairs for point in pair]
    share = area_weights([own.n for own, _ in pairs])
    weights = np.concatenate([[w, -w] for w in share])
    strata = [_stratum(material, name, rows, points) for name, rows in (("group", part), ("rest", rest))]
    return joint(strata, material.pool_patients).contrast(np.concatenate([weights, -weights]))


def _matched(
    material: Material,
    attribute: Attribute,
    part: NDArray[np.bool_],
    rest: NDArray[np.bool_],
    weights: NDArray[np.floating],
    lent: tuple[float, int],
) -> Matched:
    """The difference of the AUC with both sides at their common case mix; the weights are held fixed."""
    matching = match(part, rest, material.subjects.truth, material.case_mix(attribute.name))
    nothing = Contrast(float("nan"), float("nan"), float("nan"))
    if matching.note:
        return Matched(nothing, matching)
    scores, truth = material.score(material.primary), material.subjects.truth
    plain, again = [], []
    for score in scores:
        sides = []
        for rows in (part, rest):
            used = rows & (matching.weights > 0)
            own = np.concatenate([np.ones((1, int(used.sum()))), weights[:, used]]) * matching.weights[used]
            sides.append(weighted_auc(score[used], truth[used], own))
        plain.append(sides[0][0] - sides[1][0])
        again.append(sides[0][1:] - sides[1][1:])
    return Matched(material.contrast_of(np.array(plain), np.stack(again), lent=lent), matching)


def _observed(material: Material, part: NDArray[np.bool_], sizes: Sizes, weights: NDArray[np.floating]) -> Value | None:
    if sizes.patients < 2 * 10:
        return None
    return Value(
        *observed_over_expected(material.probability(material.primary), material.subjects.truth, part, weights)
    )


def _calibration(material: Material, part: NDArray[np.bool_], sizes: Sizes) -> Reliability | None:
    if sizes.cases < FEWEST_CASES or min(sizes.positive, sizes.negative) < 10:
        return None
    subjects = material.subjects
    patients = np.unique(subjects.patients[part], return_inverse=True)[1]
    return reliability(
        material.primary,
        material.probability(material.primary)[:, part],
        subjects.truth[part],
        patients,
        pool_patients=material.pool_patients,
        seed=material.seed,
    )
