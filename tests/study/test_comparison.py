from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.study.test_statistical_guarantees import simulate
from workbench.study.comparison import Pair, compare, falls
from workbench.study.covariance import covariance
from workbench.study.curves import Curves

ARM, REFERENCE = ("arm 1", "probe"), ("arm 0", "probe")


def compared(curves: Curves, *pairs: Pair, margin: float = 0.01):
    return compare(curves, covariance(curves), list(pairs) or [Pair(ARM, REFERENCE, True)], margin=margin)


def test_an_arm_worth_four_times_the_labels_helps() -> None:
    (found,) = compared(simulate(1, patients=400, draws=10, factors=(1, 4)))
    assert found.verdict.short == "helps"
    assert "arm 1 (linear probe) helps" in found.verdict.sentence
    assert found.low > 0 and found.p_holm < 0.05
    assert [difference.budget for difference in found.differences] == ["10", "25", "50", "100", "250"]
    for difference in found.differences:
        assert difference.low <= difference.point_low < difference.value < difference.point_high <= difference.high
    assert [each.budget for each in found.per_budget] == ["10", "25", "50", "100", "250"]
    assert found.labels_saved is not None
    assert found.labels_saved.low > 1
    assert found.cautions == []


def test_few_test_patients_are_said() -> None:
    (found,) = compared(simulate(1, patients=60, draws=5, factors=(1, 1)))
    assert any("With 60 test patients" in str(caution) for caution in found.cautions)


def test_more_arms_make_wider_intervals() -> None:
    curves = simulate(2, patients=60, draws=3, factors=(1, 1, 1, 1))
    pairs = [Pair((f"arm {number}", "probe"), REFERENCE, True) for number in (1, 2, 3)]
    alone, family = compared(curves, pairs[0])[0], compared(curves, *pairs)[0]
    assert family.high - family.low > alone.high - alone.low
    assert family.p_holm >= alone.p_holm == pytest.approx(alone.area.p)
    exploratory = compared(curves, pairs[0], replace(pairs[1], primary=False))[1]
    assert exploratory.p_holm == pytest.approx(exploratory.area.p)


def test_pairs_without_a_common_budget_are_left_out() -> None:
    assert compared(simulate(1, draws=3), Pair(ARM, ("nobody", "probe"), True)) == []


def test_a_curve_that_falls_has_no_labels_saved() -> None:
    curves = simulate(1, patients=400, draws=20, factors=(1, 1))
    cells = [replace(c, auc=c.auc - 0.25) if c.arm == "arm 1" and c.budget == "250" else c for c in curves.cells]
    fallen = replace(curves, cells=cells)
    assert falls(fallen, covariance(fallen), fallen.places(*ARM))
    assert not falls(fallen, covariance(fallen), fallen.places(*REFERENCE))
    (found,) = compared(fallen)
    assert found.labels_saved is None and found.per_budget == []
    assert any("falls with more labels" in str(caution) for caution in found.cautions)


def test_curves_of_other_shape_get_no_single_factor() -> None:
    curves = simulate(1, patients=2000, draws=20, factors=(1, 1))
    bend = dict(zip(("10", "25", "50", "100", "250"), (-0.10, -0.05, 0.0, 0.05, 0.10), strict=True))
    cells = [replace(c, auc=c.auc + bend[c.budget]) if c.arm == "arm 1" else c for c in curves.cells]
    (found,) = compared(replace(curves, cells=cells))
    assert found.verdict.short == "mixed"
    assert found.parallel_p < 0.05
    assert found.labels_saved is None
    assert any("no single factor" in str(caution) for caution in found.cautions)
    assert len(found.per_budget) == 5


def test_budgets_of_the_arm_alone_count_for_labels_saved() -> None:
    curves = simulate(1, patients=400, draws=10, factors=(1, 3))
    cells = [c for c in curves.cells if c.arm == "arm 1" or c.budget in ("10", "100")]
    (found,) = compared(replace(curves, cells=cells))
    assert [difference.budget for difference in found.differences] == ["10", "100"]
    assert len(found.per_budget) == 5
    assert found.labels_saved is None  # two shared budgets are too few for one factor
    assert np.isnan(found.parallel_p)


def test_a_blocked_pair_has_no_verdict() -> None:
    (found,) = compared(simulate(1, draws=3), Pair(ARM, REFERENCE, True, "why not"))
    assert found.verdict.short == "no verdict"
