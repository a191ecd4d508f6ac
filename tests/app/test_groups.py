from __future__ import annotations

import json

import pytest

from app.group_answer import CLEAR, NONE, TOO_FEW, attribute_words, read_groups, wording
from app.runs_view import open_run
from tests.app.fabricated import make_audit, make_run
from tests.review.making import make_model
from workbench.review.acknowledgement import latest_audit
from workbench.runs.jobs import JobQueue


def texts(page) -> str:
    return "\n".join([*(item.value for item in page.markdown), *(item.value for item in page.caption)])


def test_groups_are_sorted_and_said_in_three_wordings(furnished) -> None:
    answer = read_groups(open_run(make_audit(furnished).path))
    sex = answer.of("sex")
    assert list(sex["group"]) == ["male", "female"], "the lowest first; what is not recorded is no group"
    assert list(sex["said_auc"]) == [CLEAR, CLEAR]
    male = sex.iloc[0]
    assert male["said_missed"] == "possible difference (interval touches \u22120.4 of 100)"
    assert (male["said_alarms"], sex.iloc[1]["said_missed"]) == (NONE, TOO_FEW)
    assert male["missed"] == pytest.approx(0.3) and male["missed_low"] == pytest.approx(0.25)
    assert male["missed_high"] == pytest.approx(0.36) and male["alarms"] == pytest.approx(0.1)
    scanner = answer.of("scanner")
    assert list(scanner["group"]) == ["Borealis", "Aurora", "Old"] and scanner["auc"].isna().tolist()[2]
    assert answer.missing == [
        "Sex is not recorded, or mixed, for 48 of 648 test cases (7 %).",
        "Scanner is not recorded, or mixed, for 0 of 648 test cases (0 %).",
    ]


def test_a_wording_needs_an_interval() -> None:
    assert wording({"metric": "auc", "named": False, "low": None, "high": None}) == NONE
    assert wording({"metric": "auc", "named": False, "low": -0.2, "high": 0.0}).startswith("possible difference")
    assert attribute_words("sex*age") == "Sex and Age"


def test_the_page_shows_an_audit_and_records_who_read_it(furnished, screen) -> None:
    model = make_model(furnished)
    make_audit(furnished)
    page = screen("groups")
    said = texts(page)
    assert "It does not work equally well by sex" in said and "only one value" in said
    assert "Sex is not recorded, or mixed, for 48 of 648" in said
    button = next(button for button in page.button if button.label.startswith("I have read this"))
    button.click().run()
    assert not page.exception
    audit = latest_audit(furnished, model)
    assert audit is not None and audit.read is not None and audit.read.content["audit"] == "fairness"
    assert any("Recorded for good" in item.value for item in page.success)
    assert not any(button.label.startswith("I have read this") for button in page.button)


def test_an_earlier_audit_is_not_acknowledged(furnished, screen) -> None:
    make_model(furnished)
    make_audit(furnished, "first")
    make_audit(furnished, "second", started=2e9)
    page = screen("groups", run="first")
    assert "There is a later audit of this classifier" in texts(page)


def test_an_audit_starts_as_a_job(furnished, screen) -> None:
    page = screen("groups")
    assert any("Nothing to audit yet" in item.value for item in page.info)
    make_model(furnished)
    page = screen("groups")
    next(button for button in page.button if button.label == "Start the audit").click().run()
    (job,) = JobQueue(furnished).jobs()
    assert (job.verb, job.settings["source"]) == ("audit", "reader")
    assert any("workbench audit source=reader" in item.value for item in page.code)


def test_an_audit_that_cannot_be_read_says_so(furnished, screen) -> None:
    run = make_run(furnished, "audit", "odd", {"source": "reader"})
    (run.path / "audit.json").write_text(json.dumps({"arm": "model"}))
    page = screen("groups")
    assert any("not of the kind that this program writes" in item.value for item in page.error)


def test_nothing_yet(furnished, screen) -> None:
    page = screen("groups", view="Read it")
    assert any("No audit yet" in item.value for item in page.info)
