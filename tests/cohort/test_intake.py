from __future__ import annotations

from workbench.cohort.intake import headline, notes


def numbers(**changes):
    totals = {
        "seen": 12_480,
        "used": 11_902,
        "refused": 578,
        "scans": 11_902,
        "series": 5,
        "studies": 4,
        "patients": 3_214,
        "volumes": 0,
        "outcomes": {"image": 11_902, "not_dicom": 578},
        "member_seen": 4,
        "member_used": 3,
        "member_refused": 1,
        "member_outcomes": {"image": 3, "empty": 1},
    }
    plain = {"rule": "Q1", "title": "Title", "scans": 0, "list": "", "default": "", "choices": [], "decided": None}
    return {
        "totals": totals,
        "decisions_needed": 41,
        "test_patients": 800,
        "passed_over": {"links": 1, "special": 0, "closed_folders": 2},
        "distributions": {
            "modality": {"DX": 11_900, "<b>": 2},
            "site": {"not stated": 11_902},
            "bits_stored": {"12": 11_902},
            "age": {"20 to 29": 10, "30 to 39": 900, "not stated": 10_992},
        },
        "findings": [
            {**plain, "code": "b", "level": "stop", "count": 41, "sentence": "A stop & more.", "default": "They stay.",
             "choices": ["keep", "exclude"], "scans": 2, "list": "findings/Q1-b.csv"},
            {**plain, "code": "d", "level": "warn", "count": 1, "sentence": "Settled.",
             "decided": {"what": "keep", "why": "seen", "who": "ann", "when": "2026-01-02"}},
            {**plain, "code": "a", "level": "note", "count": 1, "sentence": "A note."},
        ],
        "privacy": {
            "never": "names",
            "attributes": [
                {"attribute": "(0008,0060) Modality", "done": "kept", "column": "modality", "how": "", "scans": 7},
                {"attribute": "(0028,0010) Rows", "done": "picture", "column": "", "how": "", "scans": None},
            ],
        },
        "contact_sheet": {"suspects": 3, "signed_by": "", "signed_when": ""},
        **changes,
    }  # fmt: skip


def test_the_top_line_is_plain():
    assert headline(numbers()) == "12,480 files → 11,902 pictures from 3,214 patients. 41 need your decision."
    assert headline(numbers(decisions_needed=1)).endswith(" 1 needs your decision.")
    assert headline(numbers(decisions_needed=0)).endswith(" Nothing needs your decision.")


def test_notes_leave_out_what_is_decided_or_for_information_only():
    assert notes(numbers()) == [
        "A stop & more. They stay.",
        "1 symbolic link not followed.",
        "2 folders not readable from this account.",
    ]
