from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2

from workbench.audit.heterogeneity import auc_floor, heterogeneity

NONE = np.full(3, 1e-6)


def test_cochran_by_hand() -> None:
    """Independent groups: weights 1 / variance on the logit scale."""
    values, se = np.array([0.7, 0.8, 0.9]), np.array([0.05, 0.04, 0.03])
    found = heterogeneity(values, np.diag(se**2), edges=NONE, least=np.zeros(3))
    x, own = logit(values), (values * (1 - values) / se) ** 2
    mean = (own * x).sum() / own.sum()
    q = (own * (x - mean) ** 2).sum()
    tau2 = (q - 2) / (own.sum() - (own**2).sum() / own.sum())
    assert (found.q, found.df, found.p) == (pytest.approx(q), 2, pytest.approx(chi2.sf(q, 2)))
    assert found.tau == pytest.approx(np.sqrt(tau2))
    np.testing.assert_allclose(found.shrunken, expit(mean + tau2 / (tau2 + 1 / own) * (x - mean)))
    assert found.gap == pytest.approx(0.2)


def test_equal_groups_are_drawn_together() -> None:
    found = heterogeneity(np.full(3, 0.8), np.diag([0.01, 0.02, 0.03]) ** 2, edges=NONE, least=np.zeros(3))
    assert (found.q, found.p, found.tau) == (pytest.approx(0, abs=1e-9), pytest.approx(1), 0)
    np.testing.assert_allclose(found.shrunken, 0.8)
    assert found.gap_if_equal > 0.01


def test_what_groups_share_is_no_difference() -> None:
    """Errors that move all groups alike make differences surer, not unsurer."""
    values, own = np.array([0.75, 0.80, 0.85]), np.diag(np.full(3, 0.02**2))
    apart = heterogeneity(values, own, edges=NONE, least=np.zeros(3))
    shared = heterogeneity(values, own + 0.05**2, edges=NONE, least=np.zeros(3))
    alike = heterogeneity(values, own + np.diag(np.full(3, 0.05**2)), edges=NONE, least=np.zeros(3))
    assert shared.p < 10 * apart.p < alike.p


def test_small_groups_have_a_least_variance() -> None:
    """Perfect ranking in 20 patients: variance 0 by DeLong, which would make any other group differ."""
    values, edges = np.array([1.0, 0.9]), np.array([1 / 200, 1 / 200])
    floor = auc_floor(np.clip(values, edges, 1 - edges), np.array([20.0, 20.0]))
    found = heterogeneity(values, np.diag([0.0, 0.05**2]), edges=edges, least=floor)
    assert found.p > 0.05
    assert floor[1] == pytest.approx(0.09 / 14)


@pytest.mark.parametrize(("groups", "people", "gap"), [(2, 30, 0.052), (5, 30, 0.105), (5, 100, 0.058)])
def test_the_gap_that_chance_makes(groups: int, people: int, gap: float) -> None:
    """No disparity, AUC 0.80, 30 % of patients positive: expected gaps known from simulation."""
    random = np.random.default_rng(0)
    shift = np.sqrt(2) * 0.8416
    found = []
    for _ in range(150):
        variance = []
        for _ in range(groups):
            a, b = random.standard_normal(people) + shift, random.standard_normal(7 * people // 3)
            above, below = (a[:, None] > b).mean(axis=1), (a[:, None] > b).mean(axis=0)
            variance.append(above.var(ddof=1) / len(a) + below.var(ddof=1) / len(b))
        result = heterogeneity(
            np.full(groups, 0.8), np.diag(variance), edges=np.full(groups, 1e-4), least=np.zeros(groups)
        )
        found.append(result.gap_if_equal)
    assert np.mean(found) == pytest.approx(gap, abs=0.01)
