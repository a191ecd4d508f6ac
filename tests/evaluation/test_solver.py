import threading

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tests.evaluation.making import blobs
from workbench.evaluation import solver
from workbench.evaluation.probe import fit_probes
from workbench.evaluation.solver import one_thread
from workbench.evaluation.standardise import Standardiser


def area(y, p):
    return roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else roc_auc_score(y, p, multi_class="ovr")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [30, 100, 300])
def test_agrees_with_scikit_learn(n, classes):
    x, y, patients = blobs(900, 64, classes, seed=n)
    scale = Standardiser.fit(x[:600])
    rows = np.random.default_rng(n).choice(600, n, replace=False)
    for penalty in (1e-4, 1e-3, 1e-2, 0.1, 3.0):
        mine = fit_probes(x[:600], y[:600], [rows], x[600:], patients[:600], lambdas=[penalty])
        assert mine.lambdas[0, 0] == penalty and mine.unconverged == 0
        model = LogisticRegression(C=1 / (penalty * n), tol=1e-9, max_iter=20_000)
        theirs = model.fit(scale(x)[rows].astype(float), y[rows]).predict_proba(scale(x[600:]).astype(float))
        assert np.abs(theirs - mine.probabilities[0]).max() <= (2e-3 if penalty >= 1e-3 else 2e-2)
        together = mine.probabilities[0].astype(float)
        assert abs(area(y[600:], theirs) - area(y[600:], together / together.sum(axis=1, keepdims=True))) <= 1e-3


def test_weights_of_scans_are_scikit_learns_sample_weights():
    x, y, patients = blobs(260, 10, 2, seed=5)
    weight = np.random.default_rng(0).uniform(0.2, 2.0, 260)
    rows = np.arange(60)
    mine = fit_probes(x, y, [rows], x, patients, lambdas=[0.05], weights=weight)
    model = LogisticRegression(C=1 / (0.05 * weight[rows].sum()), tol=1e-9, max_iter=20_000)
    scaled = Standardiser.fit(x)(x).astype(float)
    theirs = model.fit(scaled[rows], y[rows], sample_weight=weight[rows]).predict_proba(scaled)
    assert np.abs(theirs - mine.probabilities[0]).max() <= 1e-3


def test_out_of_fold_logits_and_the_choice_are_those_of_a_loop():
    from workbench.evaluation.folds import assign_folds

    x, y, patients = blobs(300, 40, 2, seed=6, scans=2, shift=0.8)
    rows, grid = np.arange(0, 120), [1e-3, 1e-2, 1e-1, 1.0]
    mine = fit_probes(x, y, [rows], x[:0], patients, lambdas=grid, seed=11)
    folds = assign_folds(y[rows], patients[rows], seed=11)
    scaled = Standardiser.fit(x)(x).astype(float)
    losses, held_out = [], []
    for penalty in grid:
        z = np.zeros(120)
        for fold in range(folds.count):
            inside, held = rows[folds.ids != fold], rows[folds.ids == fold]
            model = LogisticRegression(C=1 / (penalty * len(inside)), tol=1e-9, max_iter=20_000)
            z[held] = model.fit(scaled[inside], y[inside]).decision_function(scaled[held])
        losses.append(np.logaddexp(0, z).mean() - (z * y[rows]).mean())
        held_out.append(z)
    best = int(np.argmin(losses))
    assert sorted(losses)[1] - min(losses) > 1e-3  # no tie
    assert mine.lambdas[0, 0] == grid[best]
    np.testing.assert_allclose(mine.oof_logits[0][:, 1] - mine.oof_logits[0][:, 0], held_out[best], atol=0.02)


def test_flat_losses_go_to_the_larger_penalty():
    x = np.random.default_rng(0).normal(size=(60, 4)) * 1e-3
    x[:, 0] = 1.0  # nothing to learn from: constant features
    mine = fit_probes(x * 0 + 1.0, np.arange(60) % 2, [np.arange(60)], x, np.arange(60))
    assert mine.lambdas[0, 0] == pytest.approx(10**0.5)


def test_one_thread_is_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(ValueError, match="inside"), one_thread():
            assert torch.get_num_threads() == 1
            raise ValueError("inside")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    x, y, patients = blobs(600, 20, 3, seed=8)
    draws = [np.random.default_rng(n).choice(500, n, replace=False) for n in (20, 24, 40, 90, 280, 300, 400)]
    minimise, seen = solver.minimise, set()

    def watched(*given):
        seen.add((threading.get_ident(), torch.get_num_threads()))
        return minimise(*given)

    monkeypatch.setattr(solver, "minimise", watched)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            seen.clear()
            found.append(fit_probes(x[:500], y[:500], draws, x[500:], patients[:500]))
            assert len(seen) <= threads and {each for _, each in seen} == {1}
            assert torch.get_num_threads() == threads
        assert len(seen) > 1
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0].logits, found[1].logits)
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
