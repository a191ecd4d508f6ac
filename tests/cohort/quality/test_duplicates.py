from __future__ import annotations

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import duplicates


def test_identical_pictures_and_second_copies():
    given = evidence(
        numbers={"totals": {"outcomes": {"duplicate": 2, "uid_conflict": 1}, "member_outcomes": {"duplicate": 1}}},
        pixel_hash=some(20, {0: "x", 5: "x", 7: "b", 8: "b"}, "unique"),
        flags=some(20, dict.fromkeys((0, 5), "identical_pixels") | dict.fromkeys((7, 8), "blank;identical_pixels"), ""),
    )
    found = list(duplicates.copies(given))
    assert one(found, "duplicate").count == 3
    same = one(found, "identical_pixels")
    assert (same.count, list(same.scans), same.level) == (1, ["S000", "S005"], "note")
    conflict = one(found, "uid_conflict")
    assert conflict.sentence.startswith("1 file claims to be") and conflict.level == "stop"


def test_the_same_picture_under_two_patients_needs_a_decision():
    given = evidence(
        pixel_hash=[f"h{n // 2}" for n in range(20)], patient_key=[f"P{n // 2}" for n in range(18)] + ["A", "B"]
    )
    found = one(duplicates.two_patients(given), "same_picture_two_patients")
    assert (found.level, found.count, list(found.scans)) == ("stop", 1, ["S018", "S019"])
    assert "one side of every split" in found.default and found.choices == ("keep", "exclude")
    assert list(duplicates.two_patients(evidence(pixel_hash="same", flags="blank"))) == []


def test_a_crowd_is_a_fault():
    assert (
        one(duplicates.crowd(evidence(numbers={"largest_group": 51, "totals": {"patients": 60}})), "crowd").count == 51
    )
    assert list(duplicates.crowd(evidence(numbers={"largest_group": 50, "totals": {"patients": 60}}))) == []
