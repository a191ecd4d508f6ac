import numpy as np
import pytest

from tests.evaluation.making import blobs
from workbench.evaluation.auc import influence
from workbench.evaluation.knn import knn_many, knn_proba


def test_weights_by_hand():
    train = np.array([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])  # cosines with (1, 0): 1, 0, -1
    p = knn_proba(train, np.array([0, 1, 1]), np.array([[5.0, 0.0]]), k=2, temperature=1.0)
    assert p[0, 1] == pytest.approx(1 / (1 + np.e), abs=1e-6)
    p = knn_proba(train, np.array([0, 1, 1]), np.array([[5.0, 0.0]]), k=50, temperature=1.0)
    w = np.exp([1.0, 0.0, -1.0])
    assert p[0, 1] == pytest.approx(w[1:].sum() / w.sum(), abs=1e-6)
    assert knn_proba(train, np.array([0, 1, 1]), np.array([[5.0, 0.0]]), k=1, classes=3).tolist() == [[1.0, 0.0, 0.0]]


def test_unknown_labels_have_no_vote():
    train = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    y = np.array([[np.nan, 1.0], [1.0, 0.0], [0.0, 0.0]])
    p = knn_proba(train, y, np.array([[1.0, 0.0]]), k=2)
    assert p[0, 0] == 1.0 and 0.5 < p[0, 1] < 0.6
    nobody = knn_proba(train, y, np.array([[1.0, 0.0]]), k=1)
    assert nobody[0, 0] == pytest.approx(1.5 / 3)  # (1 + .5) / (2 known + 1)


@pytest.mark.parametrize("classes", [2, 3])
def test_choice_of_k_and_shapes(classes):
    x, y, patients = blobs(600, 20, classes, shift=3.0, scans=2, seed=1)
    draws = [np.arange(12), np.arange(90), np.arange(300)]
    fits = knn_many(x, y, draws, x[400:], patients)
    assert fits.probabilities.shape == (3, 200, classes)
    np.testing.assert_allclose(fits.probabilities.sum(axis=2), 1.0, atol=1e-5)
    assert fits.k[0] == 5 and fits.fixed.tolist() == [True, False, False]
    assert set(fits.k[1:]) <= {1, 3, 5, 10, 20}
    for number, rows in enumerate(draws):
        alone = knn_proba(x[rows], y[rows], x[400:], int(fits.k[number]), classes=classes)
        np.testing.assert_allclose(fits.probabilities[number], alone, atol=1e-5)
        assert fits.oof_probabilities[number].shape == (len(rows), classes)
    assert knn_many(x, y, [np.arange(6)], x, patients).k[0] == 3  # min(5, n // 2)


def test_no_scan_is_its_own_patients_neighbour():
    # the two scans of a patient are twins; labels are noise: held out by patient, the twin cannot help
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 2)
    x = rng.normal(size=(60, 8))[groups]
    y = rng.permutation(np.arange(60) % 2)[groups]
    fits = knn_many(x, y, [np.arange(120)], x, groups)
    assert abs(influence(fits.oof_probabilities[0], y, groups).auc - 0.5) < 0.2
    assert fits.k[0] == 20


def test_labels_and_single_patients():
    x, y, patients = blobs(100, 6, 2, shift=3.0)
    labels = np.stack([y, 1 - y], axis=1).astype(float)
    labels[3, 0] = np.nan
    fits = knn_many(x, labels, [np.arange(60)], x, patients)
    assert fits.task == "multilabel" and fits.probabilities.shape == (1, 100, 2)
    one = knn_many(x, y, [np.flatnonzero(y == 1)[:5]], x, patients)
    assert (one.probabilities[0] == [0.0, 1.0]).all()
    rows = np.array([*np.flatnonzero(y == 1)[:5], *np.flatnonzero(y == 0)[:1]])
    assert np.isnan(knn_many(x, y, [rows], x, patients).oof_probabilities[0]).all()


def test_neighbours_of_features_that_point_nearly_the_same_way():
    rng = np.random.default_rng(3)
    x = (1.0 + 1e-3 * rng.normal(size=(300, 16))).astype(np.float32)  # cosines differ in the seventh digit
    y, groups = rng.integers(0, 2, 300), np.arange(300)
    exact = x.astype(np.longdouble)
    exact /= np.sqrt((exact**2).sum(axis=1, keepdims=True))
    nearest = np.argmax(exact[200:] @ exact[:200].T, axis=1)
    found = knn_many(x, y, [np.arange(200)], x[200:], groups, neighbours=[1])
    np.testing.assert_array_equal(found.probabilities[0].argmax(axis=1), y[nearest])


def test_draws_solved_together_are_as_solved_apart():
    x, y, patients = blobs(300, 10, 3, shift=1.0, seed=4)
    draws = [np.arange(0, 90), np.arange(30, 200), np.arange(5, 41)]
    together = knn_many(x, y, draws, x[200:], patients)
    for number, rows in enumerate(draws):
        apart = knn_many(x, y, [rows], x[200:], patients)
        assert apart.k[0] == together.k[number]
        np.testing.assert_allclose(apart.probabilities[0], together.probabilities[number], atol=1e-7)
        np.testing.assert_allclose(apart.oof_probabilities[0], together.oof_probabilities[number], atol=1e-7)
