from __future__ import annotations

import numpy as np
import pytest

from tests.audit.making import YES, expit, make_material, pair
from workbench.audit.reliability import (
    diagram,
    logits_of,
    observed_over_expected,
    recalibrated,
    reliability,
    shared_weights,
    temperatures,
)
from workbench.audit.scores import Inside, Point
from workbench.evaluation.probe import to_probabilities


def made(seed: int, *, sharp: float = 1.0, cases: int = 400, draws: int = 5) -> tuple[Point, np.ndarray, np.ndarray]:
    """Probabilities that are ``sharp`` times too extreme on the logit scale, and what is true."""
    random = np.random.default_rng(seed)
    z = 1.5 * random.standard_normal(cases)
    y = (random.random(cases) < expit(z)).astype(int)
    own = 1.5 * random.standard_normal(200)
    labelled = (random.random(200) < expit(own)).astype(int)
    inside = Inside(pair(expit(sharp * own)), labelled, np.arange(200))
    scores = pair(expit(sharp * z + 0.02 * random.standard_normal((draws, cases))))
    return Point("m", "probe", "200", 200, 200, np.arange(draws), scores, [inside] * draws), y, np.arange(cases)


def test_logits_give_back_probabilities() -> None:
    p = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
    np.testing.assert_allclose(to_probabilities(logits_of(p, multilabel=False), "multiclass"), p, rtol=1e-5)
    np.testing.assert_allclose(to_probabilities(logits_of(p, multilabel=True), "multilabel"), p, rtol=1e-5)


def test_the_temperature_of_the_labelled_set_makes_probabilities_true() -> None:
    """Three times too extreme: the factor is about a third, the error goes, and the AUC stays."""
    point, y, patients = made(0, sharp=3.0)
    assert temperatures(point, YES) == pytest.approx(1 / 3, abs=0.08)
    before, after = YES.score(point.probabilities), YES.score(recalibrated(point, YES))
    raw, made_true = (reliability(point, p, y, patients, pool_patients=1000) for p in (before, after))
    assert raw.low > 0.05 and made_true.low == 0
    assert raw.slope.interval()[1] < 0.6 and made_true.slope.interval()[0] < 1 < made_true.slope.interval()[1]
    assert made_true.log_loss.estimate < raw.log_loss.estimate
    np.testing.assert_array_equal(np.argsort(before[0]), np.argsort(after[0]))


def test_without_out_of_fold_scores_probabilities_stay() -> None:
    point, _, _ = made(0, sharp=3.0)
    bare = Point("m", "finetune", "200", 200, 200, point.draws, point.probabilities)
    np.testing.assert_allclose(recalibrated(bare, YES), point.probabilities, atol=1e-6)


def test_means_have_the_errors_of_patients_and_draws() -> None:
    point, y, patients = made(1)
    p = YES.score(point.probabilities)
    found = reliability(point, p, y, patients, pool_patients=10_000)
    brier = (p - y) ** 2
    assert found.brier.estimate == pytest.approx(brier.mean())
    assert found.brier.se == pytest.approx(brier.mean(axis=0).std() / 20, rel=0.05)
    assert found.skill == pytest.approx(1 - brier.mean() / (y.mean() * (1 - y.mean())))
    assert found.plain > 0 and found.plain_if_true == pytest.approx(found.plain, abs=0.03)


def test_draws_that_differ_widen_the_interval() -> None:
    point, y, patients = made(2)
    p = YES.score(point.probabilities)
    bent = np.stack([expit(factor * np.log(p[0] / (1 - p[0]))) for factor in (0.4, 0.7, 1.0, 1.5, 2.5)])
    same = reliability(point, np.repeat(bent[1:2], 5, axis=0), y, patients, pool_patients=10_000)
    differ = reliability(point, bent, y, patients, pool_patients=10_000)
    assert differ.high - differ.low > same.high - same.low


def test_the_diagram_brackets_the_observed_share() -> None:
    point, y, _ = made(3)
    weights = np.random.default_rng(0).multinomial(400, np.full(400, 1 / 400), size=200)
    table = diagram(YES.score(point.probabilities), y, weights)
    assert len(table) == 10 and table["n"].sum() == pytest.approx(400)
    assert (table["band_low"] <= table["observed"]).all() and (table["observed"] <= table["band_high"]).all()
    assert (table["draw_low"] <= table["draw_high"]).all()
    inside = (table["expected_low"] <= table["observed"]) & (table["observed"] <= table["expected_high"])
    assert inside.mean() >= 0.8


def test_observed_over_expected() -> None:
    y, p = np.array([1, 1, 0, 0]), np.array([[0.5, 0.5, 0.25, 0.25]])
    value, low, high = observed_over_expected(p, y, np.ones(4, bool), np.ones((10, 4)))
    assert (value, low, high) == pytest.approx((2 / 1.5,) * 3)


def test_bootstrap_keeps_answers_and_groups() -> None:
    material, sex = make_material(0, {"A": (30, 40), "B": (20, 10)})
    codes = (sex.values == "B").astype(int)
    weights = shared_weights(material.subjects, codes, 50, 0)
    for group in (0, 1):
        for answer in (0, 1):
            rows = (codes == group) & (material.subjects.truth == answer)
            assert (weights[:, rows].sum(axis=1) == rows.sum()).all()
