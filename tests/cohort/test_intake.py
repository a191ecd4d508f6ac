from __future__ import annotations

from workbench.cohort.accounting import Totals
from workbench.cohort.intake import _findings, headline, notes
from workbench.cohort.intake_page import page


def numbers(**changes):
    totals = {
        "seen": 12_480,
        "used": 11_902,
        "refused": 578,
        "scans": 11_902,
        "series": 5,
        "studies": 4,
        "patients": 3_214,
        "outcomes": {"image": 11_902, "not_dicom": 578},
        "member_outcomes": {"image": 3},
    }
    return {
        "totals": totals,
        "decisions_needed": 41,
        "test_patients": 800,
        "passed_over": {"links": 1, "special": 0, "closed_folders": 2},
        "distributions": {"modality": {"DX": 11_900, "<b>": 2}, "site": {"not stated": 11_902}},
        "findings": [
            {"code": "a", "level": "note", "count": 1, "sentence": "A note."},
            {"code": "b", "level": "stop", "count": 41, "sentence": "A stop & more."},
        ],
        "privacy": {"kept": "modality"},
        **changes,
    }


def test_the_top_line_is_plain():
    assert headline(numbers()) == "12,480 files → 11,902 pictures from 3,214 patients. 41 need your decision."
    assert headline(numbers(decisions_needed=1)).endswith(" 1 needs your decision.")
    assert headline(numbers(decisions_needed=0)).endswith(" Nothing needs your decision.")


def test_notes_leave_out_what_is_for_information_only():
    assert notes(numbers()) == [
        "A stop & more.",
        "1 symbolic link not followed.",
        "2 folders not readable from this account.",
    ]


def test_the_page_is_self_contained_escaped_and_has_the_figures_first():
    found = page("c<x>", numbers(), sentence=lambda code: f"It is {code}.", is_used=lambda code: code == "image")
    assert "http" not in found and "<script" not in found and "src=" not in found
    assert "&lt;b&gt;" in found and "c&lt;x&gt;" in found and "A stop &amp; more." in found
    assert "12,480 files seen = 11,902 used + 578 refused." in found
    order = [found.index(word) for word in ("Files by outcome", "Pictures by modality", "Findings", "It is not_dicom.")]
    assert order == sorted(order) and found.index("needs your decision") < found.index("for your information")
    assert "Pictures by site" not in found and "Files inside archives by outcome" in found
    assert "None." in page("c", numbers(findings=[]), sentence=str, is_used=bool)


def test_findings_have_numbers_that_agree_with_their_verbs():
    totals = Totals(seen=10, scans=10, patients=3, gone=2, outcomes={"duplicate": 1, "uid_conflict": 2})
    found = _findings(
        totals,
        {"blank": 1, "patient_unknown": 2, "burned_in_text": 1, "localizer": 3},
        {"sex": 2, "age_years": 1},
        pictures=2,
        shared=1,
        conflicts=2,
        moved=1,
    )
    by_code = {item["code"]: item for item in found}
    assert by_code["same_picture_two_patients"]["sentence"].startswith("1 picture occurs under more than one patient")
    assert by_code["uid_conflict"]["sentence"].startswith("2 files claim to be")
    assert by_code["duplicate"]["sentence"].startswith("1 file repeats")
    assert by_code["blank"]["sentence"] == "1 picture is blank and not used for training."
    assert by_code["patient_unknown"]["sentence"].startswith("2 pictures name no patient")
    assert by_code["missing_sex"]["sentence"] == "Sex is not stated for 20 % of the pictures."
    assert by_code["gone"]["sentence"] == "2 files indexed before are no longer there."
    assert by_code["burned_in_text"]["level"] == "stop" and by_code["localizer"]["level"] == "note"
    assert "missing_age_years" not in by_code and by_code["moved"]["count"] == 1
