import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.evaluation.folds import assign_folds, patients_per_class


def test_every_fold_has_its_share_of_each_class():
    y = np.repeat([0, 1], [20, 10])
    folds = assign_folds(y, np.arange(30), seed=3)
    assert folds.count == 5 and folds.sound.tolist() == [True] and folds.fewest.tolist() == [10]
    assert [np.bincount(y[folds.ids == f]).tolist() for f in range(5)] == [[4, 2]] * 5


def test_as_many_folds_as_the_smallest_class_has_patients():
    y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 6, 7, 8])
    folds = assign_folds(y, groups)
    assert folds.count == 3 and folds.fewest.tolist() == [3]
    assert folds.ids[6] == folds.ids[7]
    assert not assign_folds(np.array([0, 0, 1]), np.array([0, 1, 2])).sound.any()
    assert patients_per_class(y, groups, 3).tolist() == [6, 3, 0]


def test_rows_may_come_in_any_order():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 12, 40)
    y = (groups % 3 == 0).astype(int)
    order = rng.permutation(40)
    np.testing.assert_array_equal(assign_folds(y, groups).ids[order], assign_folds(y[order], groups[order]).ids)
    assert (assign_folds(y, groups, seed=1).ids != assign_folds(y, groups, seed=2).ids).any()


def test_labels_are_judged_one_by_one():
    y = np.zeros((20, 3))
    y[:8, 0] = 1
    y[0, 1] = 1  # one patient only: its fold leaves none to train on
    y[3, 2] = np.nan
    y[10:14, 2] = 1
    folds = assign_folds(y, np.arange(20))
    assert folds.count == 5
    assert folds.fewest.tolist() == [8, 1, 4]
    assert folds.sound.tolist() == [True, False, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=1, max_size=40), st.integers(0, 5))
def test_no_patient_is_ever_in_two_folds(scans, seed):
    groups, y = (np.array(part) for part in zip(*scans, strict=True))
    folds = assign_folds(y, groups, seed=seed, classes=3)
    for patient in np.unique(groups):
        assert len(np.unique(folds.ids[groups == patient])) == 1
    if folds.sound.all():
        for fold in range(folds.count):
            assert set(y[folds.ids != fold]) == {0, 1, 2}
