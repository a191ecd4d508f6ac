from __future__ import annotations

import numpy as np
import pytest

from tests.audit.making import make_material
from workbench.audit.referral import coverage_by_group, referral
from workbench.evaluation.conformal import set_rule


def test_sets_come_from_each_draws_own_labels() -> None:
    material, sex = make_material(0, {"A": (60, 60), "B": (60, 60)}, draws=5, budgets=(12, 60), replicates=100)
    small, large = (referral(material, point, ["no", "yes"], 0.1) for point in material.points)
    assert small is not None and large is not None
    # Six patients of each class cannot rule anything out: every case goes to a person.
    assert small.always.tolist() == [1, 1] and small.referred == 1 and np.isnan(small.error_if_read)
    assert small.coverage.tolist() == [1, 1]
    assert large.always.tolist() == [0, 0] and 0 < large.referred < 1
    assert (large.coverage > 0.8).all() and (large.low < large.coverage).all()
    rules = [set_rule(i.probabilities, i.targets, i.patients) for i in material.primary.inside]
    sets = np.stack([rule.sets(material.primary.probabilities[r]) for r, rule in enumerate(rules)])
    assert large.referred == pytest.approx((sets.sum(axis=2) != 1).mean())
    by_group = coverage_by_group(material, [sex], 0.1)
    assert [each.group for each in by_group] == ["A", "B"]
    assert np.mean([each.referred for each in by_group]) == pytest.approx(large.referred)


def test_without_out_of_fold_scores_there_are_no_sets() -> None:
    material, sex = make_material(0, {"A": (30, 30)}, inside=False)
    assert referral(material, material.primary, ["no", "yes"], 0.1) is None
    assert coverage_by_group(material, [sex], 0.1) == []
