"""Another prevalence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation.prevalence import predictive_values, shifted


def test_probabilities_of_a_calibrated_model_stay_calibrated() -> None:
    """Drop two thirds of the positives: shifted probabilities again mean what they say."""
    random = np.random.default_rng(0)
    y = random.random(200_000) < 0.3
    z = random.standard_normal(len(y)) + 1.5 * y
    p = 1 / (1 + 0.7 / 0.3 * np.exp(-1.5 * z + 1.5**2 / 2))
    kept = ~y | (random.random(len(y)) < 1 / 3)
    there = y[kept].mean()
    q = shifted(p[kept], learned=0.3, there=there)
    assert q.mean() == pytest.approx(there, abs=0.003)
    high = q > 0.5
    assert y[kept][high].mean() == pytest.approx(q[high].mean(), abs=0.01)


@given(st.floats(0.001, 0.999), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_there_and_back(p: float, a: float, b: float) -> None:
    assert shifted(shifted(p, learned=a, there=b), learned=b, there=a) == pytest.approx(p, rel=1e-6)


def test_predictive_values() -> None:
    """Sensitivity 0.9, specificity 0.8, prevalence 0.1: 0.09 / 0.27 and 0.72 / 0.73."""
    positive, negative = predictive_values(0.9, 0.8, 0.1)
    assert positive == pytest.approx(1 / 3) and negative == pytest.approx(0.72 / 0.73)
    assert np.isnan(predictive_values(0.0, 1.0, 0.1)[0])
