from __future__ import annotations

from workbench.cohort.outcome_words import is_used, sentence


def test_codes_are_used_or_refused_and_unknown_ones_are_refused():
    assert [
        code for code in ("image", "no_preamble", "archive", "dicomdir", "duplicate", "crashed") if is_used(code)
    ] == [
        "image",
        "no_preamble",
        "archive",
        "dicomdir",
    ]
    assert not is_used("never heard of")


def test_every_code_has_a_sentence():
    assert sentence("duplicate") == "The same picture is already there; kept once."
    assert sentence("never heard of") == "never heard of"
