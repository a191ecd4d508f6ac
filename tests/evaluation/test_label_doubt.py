from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.label_doubt import label_doubt


def test_a_sure_contradiction_comes_before_a_hard_case() -> None:
    p = np.array([[0.99, 0.01], [0.5, 0.5], [0.6, 0.4], [0.99, 0.01]])
    doubt = label_doubt(p, [1, 1, 1, 0])
    assert doubt.argmax() == 0 and doubt.argmin() == 3
    assert doubt[1] == pytest.approx(0, abs=1e-6)  # loss and entropy are both log 2
    assert doubt[0] == pytest.approx(-np.log(0.01) + 0.99 * np.log(0.99) + 0.01 * np.log(0.01))


def test_findings_add_up_and_unknown_ones_do_not_count() -> None:
    p = np.array([[0.9, 0.2], [0.9, 0.2]])
    both, one = label_doubt(p, np.array([[0.0, 0.0], [0.0, np.nan]]))
    first = -np.log(0.1) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    second = -np.log(0.8) + 0.2 * np.log(0.2) + 0.8 * np.log(0.8)
    assert (one, both) == (pytest.approx(first), pytest.approx(first + second))


def test_no_prediction_no_doubt() -> None:
    assert np.isnan(label_doubt(np.array([[np.nan, np.nan], [0.5, 0.5]]), [0, 1])).tolist() == [True, False]


def test_flipped_labels_are_found() -> None:
    """A tenth of the labels flipped: of the 20 most doubted most are flipped ones."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 200)
    z = random.standard_normal(200) + 3 * y - 1.5
    p1 = 1 / (1 + np.exp(-3 * z))
    flipped = random.permutation(200)[:20]
    given = y.copy()
    given[flipped] = 1 - given[flipped]
    worst = np.argsort(-label_doubt(np.column_stack([1 - p1, p1]), given))[:20]
    assert np.isin(worst, flipped).mean() > 0.6
