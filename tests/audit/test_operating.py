from __future__ import annotations

import numpy as np
import pytest

from tests.audit.making import YES, expit, make_material, pair
from workbench.audit.operating import lines_of, newcombe, rates_of
from workbench.audit.reliability import shared_weights
from workbench.audit.scores import Inside, Point
from workbench.evaluation.operating_point import threshold_at_specificity


def everything(material):
    weights = shared_weights(material.subjects, None, material.replicates, 0)
    return weights, np.ones((1, len(material.subjects.truth)), bool)


def test_the_line_is_set_on_the_labelled_cases_alone() -> None:
    material, _ = make_material(0, {"A": (50, 50)}, draws=4)
    weights, _ = everything(material)
    lines = lines_of(material.primary, YES, material.subjects, weights, specificity=0.9, seed=0)
    for row, inside in zip(lines.values, material.primary.inside, strict=True):
        own = threshold_at_specificity(inside.probabilities[:, 1], inside.targets, 0.9)
        assert row[0] == own.value
    assert lines.transferred and lines.note == ""
    assert lines.samples.shape == (material.replicates, 4, 1)
    assert (lines.samples.std(axis=0) > 0).all()  # the labelled patients are resampled, too


def test_too_few_negatives_give_no_line() -> None:
    material, _ = make_material(0, {"A": (50, 50)}, draws=2)
    few = Inside(pair(np.linspace(0.1, 0.9, 10)), np.array([0] * 8 + [1] * 2), np.arange(10))
    enough = Inside(pair(np.linspace(0.1, 0.9, 20)), np.array([0] * 15 + [1] * 5), np.arange(20))
    point = material.primary
    weights, _ = everything(material)
    shared = (point.arm, point.protocol, point.budget, point.n, point.patients, point.draws, point.probabilities)
    some = lines_of(Point(*shared, [few, enough]), YES, material.subjects, weights, specificity=0.9, seed=0)
    assert some.kept.tolist() == [1] and some.note == "1 of 2 draws have no line: each needs >= 9 negatives, has 8"
    none = lines_of(Point(*shared, [few, few]), YES, material.subjects, weights, specificity=0.9, seed=0)
    assert len(none.kept) == 0 and none.note == "needs >= 9 negatives, has 8"


def test_without_out_of_fold_scores_each_half_takes_its_line_from_the_other() -> None:
    material, _ = make_material(0, {"A": (200, 200)}, draws=2, inside=False)
    weights, parts = everything(material)
    lines = lines_of(material.primary, YES, material.subjects, weights, specificity=0.9, seed=0)
    assert not lines.transferred and "other half" in lines.note
    score, truth = material.score(material.primary)[0], material.subjects.truth
    other = (lines.half == 1) & (truth == 0)
    assert lines.values[0, 0] == threshold_at_specificity(score[other], truth[other], 0.9).value
    rates = rates_of(material.primary, YES, material.subjects, parts, lines, weights, pool_patients=2000)
    assert rates.estimate[1, 0] == pytest.approx(0.9, abs=0.04)


def test_rates_are_shares_above_and_below_the_line() -> None:
    material, _ = make_material(0, {"A": (60, 40), "B": (30, 50)}, draws=3)
    name = material.subjects.attributes["sex"].to_numpy()
    parts = np.stack([name == "A", name == "B"])
    weights = shared_weights(material.subjects, (name == "B").astype(int), 200, 0)
    lines = lines_of(material.primary, YES, material.subjects, weights, specificity=0.9, seed=0)
    rates = rates_of(material.primary, YES, material.subjects, parts, lines, weights, pool_patients=2000)
    score, truth = material.score(material.primary), material.subjects.truth
    for k, part in enumerate(parts):
        yes = score[:, part & (truth == 1)] > lines.values
        no = score[:, part & (truth == 0)] <= lines.values
        assert rates.estimate[0, k] == pytest.approx(yes.mean())
        assert rates.estimate[1, k] == pytest.approx(no.mean())
    assert rates.patients.tolist() == [[60, 30], [40, 50]]
    low, high = rates.interval(0, 0)
    assert low < rates.estimate[0, 0] < high


def test_the_interval_covers_the_true_sensitivity() -> None:
    """New labelled sets, new test patients; the truth is the mean over lines."""
    covered, truth = [], 0.0
    random = np.random.default_rng(1)
    for _ in range(4000):  # the mean sensitivity of lines from 50 labelled cases
        negative = np.sort(1.2 * random.standard_normal(25))
        truth += float((random.standard_normal(50) * np.sqrt(1.45) + 1.6 > negative[23]).mean()) / 4000
    for seed in range(60):
        material, _ = make_material(seed, {"A": (80, 80)}, draws=8, replicates=200, pool=100_000)
        weights, parts = everything(material)
        lines = lines_of(material.primary, YES, material.subjects, weights, specificity=0.9, seed=seed)
        rates = rates_of(material.primary, YES, material.subjects, parts, lines, weights, pool_patients=100_000)
        low, high = rates.interval(0, 0)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


def test_a_rate_of_one_is_not_certain() -> None:
    score = expit(np.array([5.0] * 20 + [-5.0] * 20))
    material, _ = make_material(0, {"A": (20, 20)}, draws=1)
    point = material.primary
    inside = Inside(pair(np.linspace(0, 0.5, 20)), np.zeros(20, int), np.arange(20))
    perfect = Point("m", "probe", "20", 20, 20, point.draws, pair(score[None]), [inside])
    weights, parts = everything(material)
    lines = lines_of(perfect, YES, material.subjects, weights, specificity=0.9, seed=0)
    rates = rates_of(perfect, YES, material.subjects, parts, lines, weights, pool_patients=2000)
    low, high = rates.interval(0, 0)
    assert rates.estimate[0, 0] == 1 and high == 1 and 0.75 < low < 0.9
    assert rates.contrast(0, np.ones(1)).se > 0


def test_newcombe_by_the_book() -> None:
    """56/70 against 48/80 (Newcombe 1998, table II, method 10): 0.0524 to 0.3339."""
    low, high = newcombe((56 / 70, 70), (48 / 80, 80))
    assert (low, high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
