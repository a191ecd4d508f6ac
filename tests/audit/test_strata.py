"""Joint covariance of parts of a test set."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audit.making import make_material
from workbench.audit.scores import Point
from workbench.audit.strata import auc_stratum, joint, mean_stratum
from workbench.evaluation.auc import influence

ONE = Point("a", "probe", "10", 10, 10, np.zeros(1, np.int64), np.zeros((1, 0, 2)))


def test_parts_without_a_common_patient_add_up() -> None:
    random = np.random.default_rng(0)
    truth, patients = np.tile([0, 1], 40), np.arange(80)
    score = random.standard_normal((1, 80)) + truth
    parts = [np.arange(80) < 30, np.arange(80) >= 30]
    strata = [auc_stratum(str(k), rows, [(ONE, score)], truth, patients, 80) for k, rows in enumerate(parts)]
    together = joint(strata, 1000)
    alone = [influence(score[0, rows], truth[rows], patients[rows]) for rows in parts]
    np.testing.assert_allclose(together.theta, [found.auc for found in alone])
    np.testing.assert_allclose(together.total, np.diag([found.covariance()[0, 0] for found in alone]))


def test_a_patient_in_both_parts_links_them() -> None:
    """Every patient has one case in each part with the same score: the difference of the AUCs is certain."""
    random = np.random.default_rng(1)
    truth, patients = np.tile(np.tile([0, 1], 20), 2), np.tile(np.arange(40), 2)
    score = np.tile(random.standard_normal(40) + np.tile([0, 1], 20), 2)[None]
    parts = [np.arange(80) < 40, np.arange(80) >= 40]
    strata = [auc_stratum(str(k), rows, [(ONE, score)], truth, patients, 40) for k, rows in enumerate(parts)]
    together = joint(strata, 1000)
    assert together.theta[0] == pytest.approx(together.theta[1])
    assert together.total[0, 1] == pytest.approx(together.total[0, 0] * 19 / 20)
    assert together.contrast(np.array([1.0, -1.0])).estimate == pytest.approx(0)


def test_draws_and_pool_enter_as_in_a_study() -> None:
    """One part that is everything has the covariance of the study's curve."""
    material, _ = make_material(0, {"A": (40, 40)}, draws=8, budgets=(50,), pool=200)
    subjects, point = material.subjects, material.primary
    score, everything = material.score(point), np.ones(80, bool)
    found = joint([auc_stratum("all", everything, [(point, score)], subjects.truth, subjects.patients, 80)], 200)
    auc = np.array([float(influence(row, subjects.truth, subjects.patients).auc) for row in score])
    assert found.covariance.draw[0, 0] == pytest.approx(auc.var(ddof=1) / 8)
    assert found.covariance.pool[0, 0] == pytest.approx(auc.var(ddof=1) * 50 / 150)


def test_the_mean_of_a_quantity_is_clustered_by_patient() -> None:
    """Two patients with two cases each: variance 2 / 1 * sum of squared patient sums."""
    value = np.array([[1.0, 1.0, 0.0, 0.0]])
    stratum = mean_stratum("m", np.ones(4, bool), [(ONE, value)], np.array([0, 0, 1, 1]), 2)
    found = joint([stratum], 1000)
    assert found.theta[0] == 0.5
    assert found.total[0, 0] == pytest.approx(2 * (0.25**2 + 0.25**2))
