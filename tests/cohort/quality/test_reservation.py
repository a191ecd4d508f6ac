from __future__ import annotations

from tests.cohort.quality.making import evidence, one
from workbench.cohort.quality.reservation import reservation


def test_no_test_patients_moved_patients_and_files_gone():
    found = list(
        reservation(
            evidence(numbers={"totals": {"patients": 3, "gone": 2}, "test_patients": 0, "moved_to_development": 1})
        )
    )
    assert one(found, "no_test_patients").level == "warn"
    assert one(found, "moved").sentence.startswith("1 patient moved")
    assert one(found, "gone").sentence == "2 files indexed before are no longer there."
    assert list(reservation(evidence(numbers={"totals": {"patients": 3}, "test_patients": 1}))) == []
