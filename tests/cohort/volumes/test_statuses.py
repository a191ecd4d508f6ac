from pathlib import Path

import pytest

from workbench.cohort.volumes.statuses import EVEN, MEANINGS, Status, sentence


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_meaning_and_a_sentence_of_its_own(status):
    said = sentence(status, slices=7, spacing_mm=2.5, runs=((4, 1.0), (3, 2.0)), most=2, orientations=3)
    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith(".") and "7" in said or status in (Status.AMBIGUOUS, Status.PIECEWISE)
    assert MEANINGS[status] and len({sentence(other, slices=7) for other in Status}) == len(Status)


def test_the_even_ones():
    assert EVEN == ("regular", "regular_jitter")


def test_numbers_have_their_nouns():
    assert sentence(Status.SHORT, slices=1).startswith("Only 1 slice:")
    assert sentence(Status.LOCALIZER, slices=3) == "3 planning pictures (localizer): kept out of training."
    assert sentence(Status.MISSING, slices=9, missing=2, volumes=1) == (
        "2 slices of an even stack are missing; 9 slices are there, made into 1 volume."
    )


def test_the_reference_lists_every_status():
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "volumes.md").read_text(encoding="utf-8")
    for status in Status:
        assert f"| `{status.value}` | {MEANINGS[status]} |" in page
