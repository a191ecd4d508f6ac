from __future__ import annotations

import re
from pathlib import Path

from workbench.cohort.outcome_words import is_used, sentence
from workbench.dicom.outcomes import Outcome

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "outcomes.md"


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


def test_the_reference_lists_every_code_as_used_or_refused():
    rows = re.findall(r"^\| `(\w+)` \| (used|refused)", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {code: counts == "used" for code, counts in rows} == {outcome.value: outcome.used for outcome in Outcome}
