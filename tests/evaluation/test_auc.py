import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.errors import InputError
from workbench.evaluation.auc import MIXED, auc_interval, clustered_covariance, covariance_parts, influence, placements


def test_placements_by_hand():
    # pairs: (0.8 vs 0.1: 1, vs 0.5: 1), (0.5 vs 0.1: 1, vs 0.5: 1/2) -> 3.5 of 4
    auc, each = placements(np.array([0.1, 0.5, 0.5, 0.8]), np.array([0, 0, 1, 1]))
    assert auc == 0.875
    # positives' placements .75 and 1; negatives' 1 and .75; each less .875, over 2
    np.testing.assert_allclose(each, [0.0625, -0.0625, -0.0625, 0.0625], atol=1e-15)


def test_variance_is_delongs_when_every_patient_has_one_scan():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [30, 20])
    s = rng.normal(size=50) + y
    found = influence(s, y, np.arange(50))
    v10 = np.array([((v > s[y == 0]) + 0.5 * (v == s[y == 0])).mean() for v in s[y == 1]])
    v01 = np.array([((v < s[y == 1]) + 0.5 * (v == s[y == 1])).mean() for v in s[y == 0]])
    assert found.auc == pytest.approx(roc_auc_score(y, s), abs=1e-14)
    assert found.covariance()[0, 0] == pytest.approx(v10.var(ddof=1) / 20 + v01.var(ddof=1) / 30, rel=1e-12)
    assert [df for _, df in covariance_parts(found.values, found.side)] == [19, 29]
    assert found.fewest == 20


def test_several_classes_and_labels_agree_with_sklearn():
    rng = np.random.default_rng(2)
    p = rng.dirichlet([1, 1, 1], size=90)
    y = rng.integers(0, 3, 90)
    found = influence(p, y, np.arange(90))
    assert found.auc == pytest.approx(roc_auc_score(y, p, multi_class="ovr", average="macro"), abs=1e-14)
    assert found.outcomes == (0, 1, 2)
    assert found.values.sum() == pytest.approx(0.0, abs=1e-12)

    labels = (rng.random((90, 3)) < 0.5).astype(float)
    labels[:, 2] = 0
    labels[:4, 2] = 1  # four positive patients: too few to judge
    labels[5, 0] = np.nan
    found = influence(p, labels, np.arange(90))
    known = ~np.isnan(labels[:, 0])
    expected = (roc_auc_score(labels[known, 0], p[known, 0]) + roc_auc_score(labels[:, 1], p[:, 1])) / 2
    assert found.auc == pytest.approx(expected, abs=1e-14)
    assert found.outcomes == (0, 1)


def test_three_classes_of_which_the_test_set_has_two():
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.1, 0.4], [0.1, 0.7, 0.2]])
    y = np.array([0, 1, 0, 1])
    assert influence(p, y, np.arange(4)).outcomes == (0, 1)
    assert influence(p, y, np.arange(4)).auc == 1.0


def test_many_draws_at_once_equal_one_at_a_time():
    rng = np.random.default_rng(3)
    y, groups = rng.integers(0, 2, 40), rng.integers(0, 15, 40)
    s = rng.normal(size=(2, 5, 40)).round(1)
    together = influence(s, y, groups)
    for a in range(2):
        for r in range(5):
            alone = influence(s[a, r], y, groups)
            assert together.auc[a, r] == alone.auc
            np.testing.assert_array_equal(together.values[a, r], alone.values)
    two_columns = influence(np.stack([-s, s], axis=-1), y, groups)
    np.testing.assert_array_equal(two_columns.auc, together.auc)
    assert together.covariance().shape == (10, 10)


@pytest.mark.parametrize("change", [np.exp, lambda s: s**3, lambda s: np.argsort(np.argsort(s)).astype(float)])
def test_monotone_transforms_change_nothing(change):
    rng = np.random.default_rng(4)
    y, s = rng.integers(0, 2, 60), rng.normal(size=60)
    before, after = influence(s, y, np.arange(60) // 2), influence(change(s), y, np.arange(60) // 2)
    assert abs(before.auc - after.auc) <= 1e-12
    np.testing.assert_allclose(before.values, after.values, atol=1e-12)


def test_patients_with_both_classes_share_one_factor():
    values = np.array([[0.1, -0.2, 0.1]])
    assert clustered_covariance(values, np.array([1, MIXED, 0]))[0, 0] == pytest.approx(1.5 * 0.06)
    assert clustered_covariance(values)[0, 0] == pytest.approx(1.5 * 0.06)
    assert clustered_covariance(values, np.array([1, 1, 0]))[0, 0] != clustered_covariance(values)[0, 0]
    found = influence([0.1, 0.9, 0.4, 0.6], [0, 1, 0, 1], ["a", "a", "b", "c"])
    assert found.side.tolist() == [MIXED, 0, 1]
    assert found.groups.tolist() == ["a", "b", "c"]


def simulate(rng, patients, scans, icc):
    """Scores of patients' scans with correlation icc within a patient; true AUC Phi(1 / sqrt(2)) = 0.7602."""
    y = np.arange(patients) % 2
    groups = np.repeat(np.arange(patients), scans)
    common, own = rng.normal(size=patients), rng.normal(size=patients * scans)
    return y[groups] + np.sqrt(icc) * common[groups] + np.sqrt(1 - icc) * own, y[groups], groups


def test_clustered_interval_covers_and_the_naive_one_does_not():
    rng = np.random.default_rng(5)
    clustered = naive = 0
    for _ in range(300):
        s, y, groups = simulate(rng, 100, 4, 0.7)
        one = auc_interval(influence(s, y, groups))
        clustered += one.low <= 0.7602 <= one.high
        other = auc_interval(influence(s, y, np.arange(len(s))))
        naive += other.low <= 0.7602 <= other.high
    assert 0.92 <= clustered / 300 <= 0.985
    assert naive / 300 < 0.85


def test_intervals_at_the_ceiling_and_of_few_patients():
    y = np.repeat([0, 1], 20)
    perfect = influence(y.astype(float), y, np.arange(40)).interval()
    assert (
        perfect.value == 1.0 and perfect.high == 1.0 and perfect.low == pytest.approx(29 / (29 + 2.0244**2), abs=1e-4)
    )
    assert perfect.note == "wide: only 20 test patients in one class"
    few = influence([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], np.arange(4)).interval()
    assert few.value == 0.75 and np.isnan(few.low) and "at least 10 are needed" in few.note
    assert str(few) == "0.750 (no interval)"
    assert str(perfect).startswith("1.000 (0.8")


def test_one_class_has_no_auc():
    found = influence([0.1, 0.2], [1, 1], [0, 1])
    assert np.isnan(found.auc) and np.isnan(found.values).all() and found.outcomes == ()


def test_wrong_shapes_and_values_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        influence(np.zeros(3), [0, 1], [0, 1])
    with pytest.raises(InputError, match="do not fit"):
        influence(np.zeros((3, 2)), [0, 1, 2], [0, 1, 2])
    with pytest.raises(InputError, match="not all finite"):
        influence([np.nan, 1.0], [0, 1], [0, 1])
