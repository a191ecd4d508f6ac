from __future__ import annotations

import numpy as np

from tests.audit.making import attribute_of
from workbench.audit.association import Association
from workbench.audit.case_mix import Matching
from workbench.audit.groups import Difference, Disparity, Group, Matched
from workbench.audit.heterogeneity import Heterogeneity
from workbench.audit.scores import Sizes
from workbench.audit.shortcut import Shortcut, Use
from workbench.audit.verdict import AttributeVerdict, judge_attribute, overall
from workbench.study.contrasts import Contrast

TEST = Heterogeneity(9.0, 1, 0.003, 0.5, 0.8, np.array([0.7, 0.9]), 0.2, 0.05, 0.1)
LOWER = Contrast(-0.10, 0.02, 100.0)


def group(name: str, *differences: Difference, matched: Matched | None = None) -> Group:
    return Group(name, Sizes(200, 200, 100, 100), True, differences=list(differences), matched=matched)


def disparity(*groups: Group, p: float = 0.01) -> Disparity:
    return Disparity(attribute_of(["F", "M"]), list(groups), {"auc": TEST}, {"auc": p}, {"auc": 0.06})


def matched(estimate: float, note: str = "") -> Matched:
    return Matched(Contrast(estimate, 0.02, 100.0), Matching(np.ones(1), 1.0, 50.0, ("age",), note))


NAMED = Difference("auc", LOWER, 0.01, True)


def test_the_rungs_of_the_ladder() -> None:
    few = judge_attribute(Disparity(attribute_of(["F"]), [], {}), None)
    assert few.short == "too few to judge"
    none = judge_attribute(disparity(group("F"), group("M"), p=0.4), None)
    assert none.short == "no disparity detected" and "AUC 0.06" in none.sentence
    remains = judge_attribute(disparity(group("F", NAMED, matched=matched(-0.09)), group("M")), None)
    assert remains.short == "disparity remains"
    assert "AUC is lower for F than for the rest by 0.100 (95 % interval 0.060 to 0.140)" in remains.sentence
    mix = judge_attribute(disparity(group("F", NAMED, matched=matched(-0.01)), group("M")), None)
    assert mix.short == "disparity, explained by case mix" and "gone at the same case mix" in mix.sentence
    unmatched = judge_attribute(disparity(group("F", NAMED, matched=matched(0.0, "too few")), group("M")), None)
    assert unmatched.short == "disparity remains"
    unclear = judge_attribute(disparity(group("F"), group("M")), None)
    assert unclear.short == "disparity remains" and "no single one stands out" in unclear.sentence


def test_a_used_shortcut_is_the_highest_rung() -> None:
    used = Shortcut(
        "sex", ("F", "M"), {}, Association(0.4, 0.001, 100, {}), 0.001,
        [Use("conflict", "", Contrast(0.2, 0.03, 50.0), 0.001), Use("healthy", "", Contrast(0.01, 0.03, 50.0), 0.9)],
        "evidence of use",
    )  # fmt: skip
    found = judge_attribute(disparity(group("F"), group("M"), p=0.4), used)
    assert found.short == "shortcut evidence"
    assert "V 0.40" in found.sentence and "label and group go together" in found.sentence
    assert "healthy cases" not in found.sentence  # that sign did not show


def test_one_sentence_for_all() -> None:
    said = [("sex", AttributeVerdict("no disparity detected", "")), ("age", AttributeVerdict("disparity remains", ""))]
    text = overall(said)
    assert text.startswith("It does not work equally well by age. No disparity was detected by sex")
    assert "no proof" in text and "Alarm" not in text
    assert "Alarm: header fields alone" in overall(said, ["header fields"])
    assert "nothing can be said" in overall([])
