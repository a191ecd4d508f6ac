"""The audit of a whole study: what it finds in a hospital whose faults are known."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest


def attribute(audited: SimpleNamespace, name: str) -> dict:
    return next(each for each in audited.summary["attributes"] if each["name"] == name)


def shortcut(audited: SimpleNamespace, name: str) -> dict:
    return next(each for each in audited.summary["shortcuts"] if each["name"] == name)


def test_the_planted_shortcut_is_the_answer(audited: SimpleNamespace) -> None:
    """The site goes with disease, and the features see it; its scanner makes the same groups and is asked once."""
    assert attribute(audited, "scanner")["verdict"]["short"] == "shortcut evidence"
    found = shortcut(audited, "scanner")
    assert found["encoded"] and found["association"]["cramers_v"] > 0.4
    assert {use["kind"] for use in found["uses"] if use["shown"]} >= {"healthy"}
    assert audited.result.verdict.startswith("The disease score uses a shortcut: scanner.")
    skipped = {each["name"]: each["reason"] for each in audited.summary["skipped"]}
    assert skipped == {"manufacturer": "not recorded in these scans", "site": "the same groups as scanner"}


def test_what_was_not_planted_is_not_found(audited: SimpleNamespace) -> None:
    for name in ("sex", "age", "view", "ward", "weight"):
        assert attribute(audited, name)["verdict"]["short"] != "shortcut evidence"
        assert shortcut(audited, name)["verdict"] in ("not encoded", "encoded, no evidence of use", "too few")


def test_groups_have_every_budget_of_both_arms(audited: SimpleNamespace) -> None:
    group = attribute(audited, "sex")["groups"][0]
    assert [(p["arm"], p["budget"]) for p in group["points"]] == [
        (arm, budget) for arm in ("seeing", "plain") for budget in ("8", "30", "80", "all")
    ]
    last = group["points"][3]
    assert last["auc"]["low"] < last["auc"]["value"] < last["auc"]["high"]
    assert last["sensitivity"]["value"] is not None
    assert group["points"][0]["sensitivity"] is None  # at eight labels there are too few negatives for a line
    assert group["help"]["p_holm"] is not None


def test_numbers_add_up(audited: SimpleNamespace) -> None:
    whole = audited.summary["test"]
    for each in audited.summary["attributes"]:
        assert sum(group["units"] for group in each["groups"]) == whole["units"]
    sex = attribute(audited, "sex")["groups"]
    assert sum(group["patients"] for group in sex) == whole["patients"]
    view = attribute(audited, "view")["groups"]
    assert [group["patients"] for group in view] == [whole["patients"]] * 2  # every patient has both


def test_patients_without_a_label_are_the_rest_of_the_pool(audited: SimpleNamespace) -> None:
    found = next(each for each in audited.summary["representation"] if each["name"] == "sex")
    people = found["patients"]
    assert people["pool"] == people["labelled"] + people["unlabelled"] and people["unlabelled"] > 10
    assert people["labelled"] == audited.summary["development"]["patients"]
    for side in ("pool", "labelled", "unlabelled", "test"):
        assert sum(group[side] for group in found["groups"]) == people[side]
    assert not any(group["unlike"] for group in found["groups"])


def test_header_fields_alone_come_near(audited: SimpleNamespace) -> None:
    """Site tells four of five: an AUC of about 0.8 without looking at an image."""
    (found,) = audited.summary["rivals"]
    assert found["name"] == "header fields" and 0.7 < found["auc"]["value"] < 0.9


def test_calibration_operating_point_decision_and_referral_are_there(audited: SimpleNamespace) -> None:
    summary = audited.summary
    budgets = ["8", "30", "80", "all"]
    assert [at["budget"] for at in summary["calibration"]["by_budget"]] == budgets
    assert len(summary["calibration"]["diagram"]) == 10
    assert sum(summary["calibration"]["histogram"]) == pytest.approx(summary["test"]["units"])
    lines = summary["operating_point"]["by_budget"]
    assert [at["budget"] for at in lines] == budgets
    assert lines[0]["draws_with_line"] == 0 and "needs >= 9 negatives" in lines[0]["note"]
    assert lines[3]["transferred"] and 0.8 < lines[3]["specificity"]["value"] < 1
    assert [each["what"].split()[0] for each in summary["operating_point"]["predictive_values"]] == [
        "half", "prevalence", "twice"
    ]  # fmt: skip
    assert summary["decision_curve"]["reference"] is not None
    assert [at["budget"] for at in summary["referral"]["by_budget"]] == budgets
    assert summary["referral"]["by_budget"][0]["referred"] == 1.0


def test_json_holds_no_key_of_a_patient_and_nothing_that_is_not_json(audited: SimpleNamespace) -> None:
    text = (audited.folder / "audit.json").read_text(encoding="utf-8")
    assert '"P0' not in text and '"S0' not in text and '"E0' not in text
    assert "NaN" not in text and "Infinity" not in text

    def finite(value: object) -> bool:
        if isinstance(value, dict):
            return all(finite(inner) for inner in value.values())
        if isinstance(value, list):
            return all(finite(inner) for inner in value)
        return not isinstance(value, float) or math.isfinite(value)

    assert finite(json.loads(text))
