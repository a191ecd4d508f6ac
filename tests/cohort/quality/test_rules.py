from __future__ import annotations

from tests.cohort.quality.making import evidence, some
from workbench.cohort.quality import rules


def test_findings_come_gravest_first():
    given = evidence(flags=some(20, {0: "blank", 1: "burned_in_text", 2: "derived"}, ""), rows=some(20, {3: 20}, 512))
    levels = [finding.level for finding in rules.check(given)]
    assert levels == sorted(levels, key=["stop", "warn", "exclude", "note"].index)
    assert {"stop", "warn", "exclude", "note"} == set(levels)


def test_no_rule_fails_on_nothing_or_on_unmeasured_scans():
    for given in (evidence(0), evidence(5), evidence(5, **dict.fromkeys(["low", "high", "glyphs", "corner_contrast"]))):
        assert not [finding for finding in rules.check(given) if finding.code.startswith("failed_")]


def test_a_rule_that_fails_is_told_and_costs_itself_only(monkeypatch):
    def broken(given):
        raise KeyError("Doe^Jane")

    monkeypatch.setattr(rules, "RULES", (broken, *rules.RULES))
    found = rules.check(evidence(flags="blank"))
    (failed,) = [finding for finding in found if finding.code == "failed_broken"]
    assert "KeyError" in failed.sentence and "Doe" not in failed.sentence
    assert any(finding.code == "blank" for finding in found)
