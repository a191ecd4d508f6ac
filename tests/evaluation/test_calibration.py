import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from workbench.evaluation.auc import influence
from workbench.evaluation.calibration import calibrated, calibration_error, fit_temperature, reliability_table


def test_over_confident_logits_are_cooled_and_the_auc_stays():
    rng = np.random.default_rng(0)
    z = rng.normal(size=400)
    y = (rng.random(400) < expit(z)).astype(int)
    logits = np.stack([-2 * z, 2 * z], axis=1)  # a difference of 4 z: four times too sure
    factor = fit_temperature(logits, y, "binary")
    assert factor == pytest.approx(0.25, rel=0.25)
    t = minimize(
        lambda t: np.logaddexp(0, 4 * np.exp(t[0]) * z).sum() - (4 * np.exp(t[0]) * z * y).sum() + t[0] ** 2 / 2, 0.0
    )
    assert factor == pytest.approx(float(np.exp(t.x[0])), rel=1e-3)
    before, after = (influence(calibrated(logits, k, "binary"), y, np.arange(400)).auc for k in (1.0, factor))
    assert abs(before - after) <= 1e-12


def test_small_or_absent_budgets_are_left_alone():
    assert fit_temperature(np.zeros((19, 2)), np.zeros(19, int), "binary") == 1.0
    assert fit_temperature(np.full((40, 2), np.nan), np.zeros(40, int), "binary") == 1.0
    separable = np.stack([-np.arange(-10, 10), np.arange(-10, 10)], axis=1)
    assert fit_temperature(separable, (np.arange(-10, 10) >= 0).astype(int), "binary") < 10  # the prior holds it


def test_several_classes_and_labels():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(500, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (rng.random((500, 1)) > p.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(3 * z, y, "multiclass") == pytest.approx(1 / 3, rel=0.2)
    labels = (rng.random((500, 3)) < expit(z)).astype(float)
    labels[:7, 1] = np.nan
    assert fit_temperature(2 * z, labels, "multilabel") == pytest.approx(0.5, rel=0.2)
    np.testing.assert_allclose(calibrated(z, 2.0, "multilabel"), expit(2 * z), atol=1e-6)


def test_error_by_hand():
    # two bins of 20: probability 0.2 with 6 of 20, 0.7 with 14 of 20
    p = np.repeat([0.2, 0.7], 20)
    y = np.r_[np.ones(6), np.zeros(14), np.ones(14), np.zeros(6)]
    found = calibration_error(p, y)
    assert found.bins == 2
    assert found.squared == pytest.approx(0.5 * (0.01 - 0.21 / 19) + 0.5 * (0 - 0.21 / 19))
    assert found.value == 0.0
    assert found.plain == pytest.approx(0.05)
    assert np.isnan(calibration_error(p[:19], y[:19]).value)
    wrong = calibration_error(p, 1 - y)
    assert wrong.value == pytest.approx(np.sqrt(0.5 * (0.25 - 0.21 / 19) + 0.5 * (0.16 - 0.21 / 19)))


def test_a_calibrated_model_has_no_debiased_error():
    rng = np.random.default_rng(2)
    squared, plain, null = [], [], []
    for k in range(200):
        p = rng.uniform(size=100)
        found = calibration_error(p, rng.random(100) < p, seed=k)
        squared.append(found.squared)
        plain.append(found.plain)
        null.append(found.plain_if_calibrated)
    assert abs(np.mean(squared)) <= 0.002
    assert np.mean(plain) > 0.04  # plain error is not 0
    assert np.mean(null) == pytest.approx(np.mean(plain), rel=0.1)


def test_table_of_a_reliability_diagram():
    p = np.repeat([0.2, 0.7], 20)
    y = np.r_[np.ones(6), np.zeros(14), np.ones(14), np.zeros(6)]
    table = reliability_table(p, y)
    assert table["n"].tolist() == [20, 20]
    assert table["mean_probability"].tolist() == pytest.approx([0.2, 0.7])
    assert table["observed"].tolist() == pytest.approx([0.3, 0.7])
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.1455, 0.5190], abs=1e-3)
    assert (table["expected_low"] < table["mean_probability"]).all()
    assert (table["expected_high"] > table["mean_probability"]).all()
    assert reliability_table(p[:5], y[:5]).empty
