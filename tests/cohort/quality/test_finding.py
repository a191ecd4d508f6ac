from __future__ import annotations

import pytest

from workbench.cohort.quality.finding import Finding, number_of, percent


def finding(**changes):
    return Finding(
        **{"rule": "Q4", "code": "blank", "level": "exclude", "title": "t", "sentence": "s", "count": 2, **changes}
    )


def test_a_finding_that_changed_asks_anew():
    before = finding(scans=["b", "a"])
    assert before.key == finding(scans=["a", "b"]).key != finding(scans=["a", "b", "c"]).key
    assert before.key != finding(scans=["b", "a"], count=3).key


def test_its_plain_form_names_the_cohort_and_leaves_out_the_scans():
    plain = finding(scans=["a"], sentence="workbench decide NAME sheet").plain(cohort="chest")
    assert plain["sentence"] == "workbench decide chest sheet" and plain["scans"] == 1
    assert plain["list"] == "findings/Q4-blank.csv" and finding().plain()["list"] == ""


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "file", "1 file is"), (2_000, "study", "2,000 studies are"), (0, "row", "0 rows are")],
)
def test_numbers_and_verbs_agree(number, noun, text):
    assert number_of(number, noun, "is", "are") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.004, "less than 1 %"), (0.5, "50 %"), (0.999, "more than 99 %"), (1.0, "100 %")],
)
def test_shares_are_never_rounded_to_none_or_all(share, text):
    assert percent(share) == text
