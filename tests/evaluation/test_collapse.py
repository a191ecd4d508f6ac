import numpy as np
import pytest

from workbench.evaluation.collapse import feature_std, look, rank_me


def test_exact_values():
    assert rank_me(np.eye(4)) == pytest.approx(4.0, abs=1e-4)
    assert rank_me(np.ones((5, 3))) == pytest.approx(1.0, abs=1e-4)
    assert rank_me(np.zeros((5, 3))) == 1.0
    assert rank_me(np.diag([3.0, 1.0])) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))), abs=1e-5)
    # two opposite directions: sd 1/sqrt(2) each, times sqrt(2)
    assert feature_std([[1.0, 1.0], [-1.0, -1.0]]) == pytest.approx(1.0)
    assert feature_std(np.ones((4, 7))) == pytest.approx(0.0)


def test_words():
    rng = np.random.default_rng(0)
    spread = look(rng.normal(size=(300, 32)))
    assert not spread.collapsed and spread.sentence.startswith("Features are spread") and spread.dimensions == 32
    one_way = look(np.ones((300, 32)) + 1e-4 * rng.normal(size=(300, 32)))
    assert one_way.collapsed and "all images point the same way" in one_way.sentence
    line = look(np.outer(rng.normal(size=300), rng.normal(size=32)))
    assert line.collapsed and line.sentence.startswith("Features are collapsing: only about 1 of 32")
    cone = look(np.r_[10.0, np.zeros(31)] + 0.1 * rng.normal(size=(300, 32)))
    assert not cone.collapsed and "differ little" in cone.sentence
    assert look(np.full((3, 2), np.nan)).collapsed
    assert look(rng.normal(size=(5000, 8))).dimensions == 8
