import numpy as np

from workbench.evaluation.bootstrap import patient_weights


def test_whole_patients_within_their_class():
    y, groups = np.array([0, 0, 0, 1, 1, 0, 1]), np.array(["a", "a", "b", "c", "d", "e", "e"])
    w = patient_weights(y, groups, replicates=400, seed=1)
    assert w.shape == (400, 7)
    np.testing.assert_array_equal(w[:, 0], w[:, 1])
    np.testing.assert_array_equal(w[:, 5], w[:, 6])
    assert (w[:, 0] + w[:, 2] == 2).all()  # patients a and b: class 0
    assert (w[:, 3] + w[:, 4] == 2).all()  # c and d: class 1
    assert (w[:, 5] == 1).all()  # e alone has both
    assert abs(w[:, 0].mean() - 1) < 0.1
    np.testing.assert_array_equal(w, patient_weights(y, groups, replicates=400, seed=1))
    labels = np.stack([y, y], axis=1).astype(float)
    assert (patient_weights(labels, groups, replicates=50)[:, [0, 2, 3, 4, 5]].sum(axis=1) == 5).all()
