import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation.units import Units, pool_scores


def test_means_by_hand():
    pooled, exams = pool_scores([[0.2, 0.8], [0.0, 1.0], [0.6, 0.4]], ["b", "a", "b"])
    assert exams.tolist() == ["a", "b"]
    np.testing.assert_allclose(pooled, [[0.0, 1.0], [0.4, 0.6]])
    many = Units.of(["b", "a", "b"]).scores(np.ones((4, 5, 3, 2)))
    assert many.shape == (4, 5, 2, 2) and (many == 1).all()


def test_what_is_true_of_a_unit():
    units = Units.of(["b", "a", "b"])
    assert units.targets([0, 0, 1]).tolist() == [0, 1]
    assert units.targets([2, 1, 2], classes=3).tolist() == [1, 2]
    with pytest.raises(InputError, match="1 of 2 units hold scans of different classes"):
        units.targets([2, 1, 0], classes=3)
    labels = units.targets(np.array([[1, np.nan], [np.nan, 0], [0, np.nan]]))
    np.testing.assert_array_equal(labels, [[np.nan, 0], [1, np.nan]])


def test_patients_of_units():
    units = Units.of(["b", "a", "b"])
    assert units.groups(["p", "q", "p"]).tolist() == ["q", "p"]
    with pytest.raises(InputError, match="several patients"):
        units.groups(["p", "q", "q"])
