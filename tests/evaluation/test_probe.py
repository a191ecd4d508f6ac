import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from tests.evaluation.making import blobs
from workbench.errors import InputError
from workbench.evaluation.auc import influence
from workbench.evaluation.probe import FIXED_LAMBDA, LAMBDAS, fit_probe, fit_probes
from workbench.evaluation.standardise import Standardiser


def test_the_grid():
    assert len(LAMBDAS) == 10 and LAMBDAS[0] == 1e-4 and LAMBDAS[-1] == pytest.approx(10**0.5)
    assert FIXED_LAMBDA in LAMBDAS


@pytest.mark.parametrize("classes", [2, 3])
def test_many_draws_of_many_sizes_equal_each_alone(classes):
    x, y, patients = blobs(700, 48, classes, seed=1)
    rng = np.random.default_rng(0)
    draws = [rng.choice(500, n, replace=False) for n in (12, 15, 30, 31, 30, 90, 300, 290, 12)]
    together = fit_probes(x[:500], y[:500], draws, x[500:], patients[:500])
    assert together.probabilities.shape == (9, 200, classes) and together.unconverged == 0
    np.testing.assert_allclose(together.probabilities.sum(axis=2), 1.0, atol=1e-6)
    for number, rows in enumerate(draws):
        alone = fit_probes(x[:500], y[:500], [rows], x[500:], patients[:500])
        np.testing.assert_array_equal(together.lambdas[number], alone.lambdas[0])
        assert np.abs(together.probabilities[number] - alone.probabilities[0]).max() <= 2e-3
        np.testing.assert_allclose(together.oof_logits[number], alone.oof_logits[0], atol=0.05)
        assert bool(together.fixed[number, 0]) == (len(rows) < 20)


def test_small_budgets_take_the_fixed_penalty_and_still_hold_out():
    x, y, patients = blobs(200, 20, 2, seed=2)
    few = fit_probes(x, y, [np.arange(12)], x, patients)
    assert few.lambdas[0, 0] == FIXED_LAMBDA and few.fixed[0, 0]
    assert np.isfinite(few.oof_logits[0]).all()
    # thirty scans, but three patients of class 1
    rows = np.concatenate([np.flatnonzero(y == 0)[:27], np.flatnonzero(y == 1)[:3]])
    rare = fit_probes(x, y, [rows], x, patients)
    assert rare.fixed[0, 0] and rare.lambdas[0, 0] == FIXED_LAMBDA
    # one patient of class 1: no fold can be held out
    alone = fit_probes(x, y, [rows[:28]], x, patients)
    assert np.isnan(alone.oof_logits[0]).all() and not alone.unfit[0, 0]


def test_one_class_is_chance():
    x, y, patients = blobs(100, 6, 2, seed=3)
    rows = np.flatnonzero(y == 1)[:10]
    fits = fit_probes(x, y, [rows, np.arange(40)], x, patients)
    assert fits.unfit[:, 0].tolist() == [True, False]
    np.testing.assert_allclose(fits.probabilities[0], [[0.5 / 11, 10.5 / 11]] * 100, atol=1e-6)
    assert influence(fits.probabilities[0], y, patients).auc == 0.5
    assert np.isnan(fits.lambdas[0, 0]) and np.isnan(fits.oof_logits[0]).all()


def test_a_class_that_is_missing_gets_the_share_of_half_a_scan():
    x, y, patients = blobs(300, 12, 3, seed=4)
    rows = np.flatnonzero(y != 1)[:40]
    fits = fit_probes(x, y, [rows], x, patients)
    assert fits.probabilities.shape == (1, 300, 3) and not fits.unfit[0, 0]
    assert 0 < fits.probabilities[0][:, 1].max() < 0.05
    kept = fit_probes(x[y != 1], y[y != 1] // 2, [np.arange(40)], x, patients[y != 1], standardiser=Standardiser.fit(x))
    ratio = fits.probabilities[0][:, 2] / fits.probabilities[0][:, [0, 2]].sum(axis=1)
    np.testing.assert_allclose(ratio, kept.probabilities[0][:, 1], atol=1e-3)
    assert np.isfinite(fits.oof_logits[0]).all()


def test_labels_are_binary_probes_side_by_side():
    x, y, patients = blobs(400, 16, 2, seed=5)
    rng = np.random.default_rng(1)
    labels = np.stack([y, (x[:, 3] + rng.normal(size=400) > 0), np.zeros(400), rng.random(400) < 0.03], axis=1).astype(
        float
    )
    rows = np.arange(80)
    labels[80 - 2 :, 3], labels[:78, 3] = 0, 0
    labels[5, 3] = 1  # one positive patient: fixed penalty
    labels[[0, 7], 1] = np.nan
    fits = fit_probes(x, labels, [rows], x[200:], patients)
    assert fits.task == "multilabel" and fits.probabilities.shape == (1, 200, 4)
    assert fits.unfit[0].tolist() == [False, False, True, False]
    assert fits.fixed[0].tolist() == [False, False, True, True]
    assert np.isnan(fits.lambdas[0, 2]) and fits.lambdas[0, 3] == FIXED_LAMBDA
    np.testing.assert_allclose(fits.probabilities[0][:, 2], 0.5 / 81, atol=1e-6)
    scaled = Standardiser.fit(x)(x).astype(float)
    for column in (0, 1, 3):
        known = rows[~np.isnan(labels[rows, column])]
        model = LogisticRegression(C=1 / (fits.lambdas[0, column] * len(known)), tol=1e-9, max_iter=20_000)
        theirs = model.fit(scaled[known], labels[known, column]).predict_proba(scaled[200:])[:, 1]
        assert np.abs(theirs - fits.probabilities[0][:, column]).max() <= 2e-3


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_are_for_raw_features(classes):
    x, y, patients = blobs(300, 10, classes, seed=6)
    x = x * 7 + 3
    fits = fit_probes(x, y, [np.arange(100)], x[200:], patients)
    probe = fits.probe(0)
    assert probe.weights.shape == (classes, 10) and probe.bias.shape == (classes,)
    np.testing.assert_allclose(x[200:] @ probe.weights.T + probe.bias, fits.logits[0], atol=1e-3)
    np.testing.assert_allclose(softmax(fits.logits[0], axis=1), fits.probabilities[0], atol=1e-6)
    np.testing.assert_allclose(probe.predict_proba(x[200:]), fits.probabilities[0], atol=1e-5)
    np.testing.assert_allclose(probe.weights.sum(axis=0), 0.0, atol=1e-3)


def test_one_probe_by_itself():
    x, y, patients = blobs(120, 10, 2, seed=7)
    pool = Standardiser.fit(x)
    probe = fit_probe(x[:60], y[:60], patients[:60], standardiser=pool)
    many = fit_probes(x, y, [np.arange(60)], x, patients, standardiser=pool)
    np.testing.assert_allclose(probe.predict_proba(x), many.probabilities[0], atol=1e-5)
    labels = np.stack([y, 1 - y], axis=1).astype(float)
    several = fit_probe(x, labels, patients)
    np.testing.assert_allclose(several.predict_proba(x), expit(several.logits(x)), atol=1e-6)


def test_held_out_scores_of_noise_are_chance_at_every_size():
    # pooled leave-one-out scores of pure noise have an AUC near 0 at n = 10; whole stratified folds do not
    rng = np.random.default_rng(8)
    x, groups = rng.normal(size=(2000, 30)).astype(np.float32), np.arange(2000)
    for n in (10, 20, 40):
        draws = [np.arange(k * n, (k + 1) * n) for k in range(2000 // n)][:50]
        y = np.arange(2000) % 2
        fits = fit_probes(x, y, draws, x[:0], groups)
        areas = [influence(z, y[rows], groups[rows]).auc for z, rows in zip(fits.oof_logits, draws, strict=True)]
        assert abs(np.mean(areas) - 0.5) <= 0.05


def test_the_order_of_rows_does_not_matter():
    x, y, patients = blobs(200, 12, 2, seed=9)
    order = np.random.default_rng(0).permutation(200)
    one = fit_probes(x, y, [np.arange(50)], x, patients)
    other = fit_probes(x[order], y[order], [np.flatnonzero(order < 50)], x, patients[order])
    assert np.abs(one.probabilities - other.probabilities).max() < 1e-3


def test_what_does_not_fit_is_refused():
    x, y, patients = blobs(30, 4, 2)
    with pytest.raises(InputError, match="do not fit together"):
        fit_probes(x, y[:5], [[0, 1]], x, patients)
    with pytest.raises(InputError, match="names a scan twice"):
        fit_probes(x, y, [[0, 1, 1]], x, patients)
    with pytest.raises(InputError, match="empty"):
        fit_probes(x, y, [[]], x, patients)
    with pytest.raises(InputError, match="1 scans without a label"):
        fit_probes(x, np.where(np.arange(30) == 1, -1, y), [[0, 1]], x, patients)
    with pytest.raises(InputError, match="whole numbers"):
        fit_probes(x, y + 0.5, [[0, 1]], x, patients)
    assert fit_probes(x, y.astype(float), [np.arange(20)], x, patients).task == "binary"
