"""Groups compared with the rest: what is judged, what is named, what the numbers may not say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.audit.making import attribute_of, make_material
from workbench.audit.attributes import MISSING, Attribute
from workbench.audit.disparity import disparities, everyone
from workbench.audit.scores import Subjects

FOUR = dict.fromkeys("ABCD", (60, 60))


def test_equal_groups_are_rarely_told_apart() -> None:
    """S15, small: four equal groups; the whole family of tests names anybody in at most 5 % of audits."""
    audits, named, rejected = 40, 0, 0
    for seed in range(audits):
        material, sex = make_material(seed, dict.fromkeys("ABCD", (30, 30)), draws=4, replicates=100)
        (found,) = disparities(material, [sex])
        named += bool(found.named)
        rejected += found.tests["auc"].p < 0.05
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / audits)
    assert named / audits <= allowed and rejected / audits <= allowed


def test_a_group_that_is_served_worse_is_named() -> None:
    """S16, small: positive scores of one group lie lower; AUC and sensitivity tell, specificity does not."""
    flagged = []
    for seed in range(10):
        material, sex = make_material(seed, FOUR, moved={"D": 1.2}, draws=4, replicates=100)
        (found,) = disparities(material, [sex])
        worse = {(group.name, d.metric) for group, d in found.named if d.contrast.estimate < 0}
        flagged.append(("D", "sensitivity") in worse or ("D", "auc") in worse)
        assert not any(metric == "specificity" for _, metric in worse)
        assert found.tests["auc"].shrunken.argmin() == 3
    assert np.mean(flagged) >= 0.8


def test_of_two_groups_the_lower_one_is_named() -> None:
    material, sex = make_material(1, {"F": (150, 150), "M": (150, 150)}, moved={"F": 1.0}, draws=3, replicates=100)
    (found,) = disparities(material, [sex])
    assert {group.name for group, _ in found.named} == {"F"}
    differences = {d.metric: d for d in found.groups[0].differences}
    other = {d.metric: d for d in found.groups[1].differences}
    assert differences["auc"].contrast.estimate == pytest.approx(-other["auc"].contrast.estimate)
    assert differences["auc"].p_holm == differences["auc"].contrast.p  # one comparison, not two
    low, high = differences["sensitivity"].check or (0, 0)
    assert low < differences["sensitivity"].contrast.estimate < high < 0


def test_small_groups_are_shown_or_not_but_not_judged() -> None:
    material, sex = make_material(0, {"A": (50, 50), "B": (25, 50), "C": (9, 50), "D": (40, 40)}, draws=2)
    (found,) = disparities(material, [sex])
    by = {group.name: group for group in found.groups}
    assert {name: {d.metric for d in group.differences} for name, group in by.items()} == {
        "A": {"auc", "sensitivity", "specificity"},
        "B": {"sensitivity", "specificity"},
        "C": {"specificity"},
        "D": {"auc", "sensitivity", "specificity"},
    }
    auc = {name: group.points[0].auc.value for name, group in by.items()}
    assert np.isfinite(auc["B"]) and np.isnan(auc["C"])
    assert "too few to judge: 9 positive" in by["C"].sizes.note
    assert by["C"].points[0].sensitivity is None and by["C"].points[0].specificity is not None
    assert np.isnan(by["B"].shrunken) and np.isfinite(by["A"].shrunken)


def test_what_is_not_recorded_is_shown_but_is_no_group() -> None:
    material, sex = make_material(0, {"A": (60, 60), "B": (60, 60), "C": (60, 60)}, draws=2)
    values = np.where(sex.values == "C", MISSING, sex.values)
    (found,) = disparities(material, [Attribute("sex", "header", values, ("A", "B", MISSING))])
    assert [group.comparable for group in found.groups] == [True, True, False]
    assert found.groups[2].differences == [] and np.isfinite(found.groups[2].points[0].auc.value)
    assert found.tests["auc"].df == 1


def test_all_attributes_are_one_family() -> None:
    """Ten attributes by chance: p-values are multiplied up, and hardly anything is named."""
    material, sex = make_material(3, {"A": (100, 100), "B": (100, 100)}, draws=2, replicates=100)
    random = np.random.default_rng(0)
    chance = [attribute_of(random.choice(["x", "y"], len(sex.values)), f"a{k}") for k in range(10)]
    found = disparities(material, chance)
    p = np.array([each.tests[m].p for each in found for m in each.tests])
    adjusted = np.array([each.p_holm[m] for each in found for m in each.tests])
    assert len(p) == 30 and (adjusted >= p).all()
    assert adjusted[p.argmin()] == pytest.approx(min(1, 30 * p.min()))
    assert not any(each.named for each in found)


def test_a_difference_of_case_mix_goes_when_the_mix_is_matched() -> None:
    """Old patients are harder, and most of group B is old: raw differences vanish at the same mix of ages."""
    groups = {"A young": (160, 160), "A old": (60, 60), "B young": (60, 60), "B old": (160, 160)}
    material, fine = make_material(5, groups, moved={"A old": 1.4, "B old": 1.4}, draws=3, replicates=200)
    sex, age = (np.array([value.split()[k] for value in fine.values]) for k in (0, 1))
    old = material.subjects
    table = pd.DataFrame({"sex": sex, "age": age})
    material = replace(material, subjects=Subjects(old.keys, old.targets, old.truth, old.patients, table))
    (found,) = disparities(material, [attribute_of(sex)])
    group = found.groups[1]
    raw = next(d.contrast for d in group.differences if d.metric == "auc")
    assert raw.interval()[1] < 0
    assert group.matched is not None and group.matched.matching.on == ("age",)
    low, high = group.matched.contrast.interval()
    assert low < 0 < high


def test_gain_over_the_reference_is_compared_between_groups() -> None:
    material, sex = make_material(
        2, {"A": (80, 80), "B": (80, 80)}, budgets=(20, 50, 100), draws=4, reference=True, replicates=100
    )
    (found,) = disparities(material, [sex])
    gains = [group.help for group in found.groups]
    assert gains[0] is not None and gains[1] is not None
    assert gains[0].estimate == pytest.approx(-gains[1].estimate) and gains[0].se > 0
    assert [group.help_p for group in found.groups] == pytest.approx([min(1, 2 * gains[0].p)] * 2)
    budgets = [(point.arm, point.budget) for point in found.groups[0].points]
    assert budgets == [(arm, n) for arm in ("model", "reference") for n in ("20", "50", "100")]


def test_everyone_is_a_group_of_all() -> None:
    material, _ = make_material(0, {"A": (50, 60)}, draws=2)
    whole = everyone(material)
    assert (whole.sizes.cases, whole.sizes.positive, whole.sizes.negative) == (110, 50, 60)
    point = whole.at(material.primary)
    assert point is not None and point.auc.low < point.auc.value < point.auc.high


def test_a_combination_is_judged_as_a_whole_or_not_at_all() -> None:
    material, cells = make_material(0, {"F x PA": (60, 60), "M x PA": (60, 60), "F x AP": (25, 60)}, draws=2)
    (found,) = disparities(material, [replace(cells, name="sex*view", source="combination")])
    assert set(found.tests) == {"sensitivity", "specificity"}  # one cell has too few for the AUC of all
    assert all(d.metric != "auc" for group in found.groups for d in group.differences)
