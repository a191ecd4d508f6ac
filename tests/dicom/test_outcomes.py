import pickle

import pytest

from workbench.dicom import FileRefused, Outcome
from workbench.errors import InputError

USED = {"image", "no_preamble", "dicomdir", "archive"}
REFUSED = {
    *("image_header_only", "not_dicom", "report_or_state", "contour_or_dose", "signal", "screenshot"),
    *("unsupported_image", "unsupported_coding", "private_sop", "truncated", "bad_geometry", "damaged", "empty"),
    *("too_big", "too_slow", "crashed", "unreadable", "duplicate", "uid_conflict"),
}


def test_every_code_is_there_and_is_used_or_refused():
    assert {code.value for code in Outcome if code.used} == USED
    assert {code.value for code in Outcome if not code.used} == REFUSED


@pytest.mark.parametrize("code", list(Outcome))
def test_every_code_has_a_sentence_and_prints_as_its_code(code):
    assert code.sentence.endswith(".") and code.sentence[0].isupper()
    assert str(code) == code.value == code


def test_a_refusal_says_what_and_where_and_survives_a_process_border():
    refusal = FileRefused("truncated", "1 of 2 bytes", where="a.dcm")
    assert str(refusal) == "File is cut short: 1 of 2 bytes. Where: a.dcm."
    again = pickle.loads(pickle.dumps(refusal))
    assert isinstance(again, InputError) and again.exit_code == 2
    assert (again.code, again.detail, again.where) == (Outcome.TRUNCATED, "1 of 2 bytes", "a.dcm")
    assert str(FileRefused(Outcome.EMPTY)) == "Empty file."
