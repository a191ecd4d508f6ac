import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation.standardise import Standardiser


def test_exact_scale_with_floor():
    x = np.array([[0.0, 0.0, 5.0, 0.0], [2.0, 4.0, 5.0, 6.0]])  # sds 1, 2, 0, 3: median 1.5
    made = Standardiser.fit(x)
    np.testing.assert_allclose(made.mean, [1, 2, 5, 3])
    np.testing.assert_allclose(made.scale, 2 * np.array([1, 2, 0.015, 3]))
    np.testing.assert_allclose(made(x)[1], [0.5, 0.5, 0, 0.5])
    assert made(x).dtype == np.float32


def test_rows_have_a_squared_length_of_one():
    x = np.random.default_rng(0).normal(3.0, 7.0, size=(500, 20))
    assert (Standardiser.fit(x)(x) ** 2).sum(axis=1).mean() == pytest.approx(1.0, abs=1e-5)


def test_weights_in_raw_space_give_the_same_logits():
    rng = np.random.default_rng(1)
    x, w, b = rng.normal(2.0, 3.0, size=(9, 5)), rng.normal(size=(3, 5)), rng.normal(size=3)
    made = Standardiser.fit(x)
    raw, bias = made.to_raw(w, b)
    np.testing.assert_allclose(x @ raw.T + bias, made(x) @ w.T + b, atol=1e-5)


def test_constant_and_bad_features():
    assert np.isfinite(Standardiser.fit(np.ones((3, 2)))(np.ones((3, 2)))).all()
    with pytest.raises(InputError, match="finite"):
        Standardiser.fit([[np.inf]])
    with pytest.raises(InputError, match="at least one row"):
        Standardiser.fit(np.zeros((0, 3)))
