from __future__ import annotations

from tests.cohort.quality.making import evidence, labels_of, one
from workbench.cohort.quality import labels


def test_without_labels_there_is_nothing_to_say():
    assert list(labels.label_join(evidence())) == []


def test_rows_without_pictures_and_contradictions():
    scans = [f"S{n:03d}" for n in range(20)]
    report = {"rows_not_joined": 3, "conflict_count": 1, "identical_pictures_with_different_labels": ["twice"]}
    given = labels_of({"scan_id": scans, "label": ["no", "yes"] * 10}, report=report)
    found = list(labels.label_join(evidence(others={"labels": given}, pixel_hash=["twice"] * 2 + ["x"] * 18)))
    assert one(found, "labels_without_pictures").count == 3
    assert one(found, "label_conflicts").level == "stop"
    assert list(one(found, "identical_other_label").scans) == ["S000", "S001"]
    assert not [item for item in found if item.code == "small_classes"]


def test_a_given_split_that_shares_patients():
    scans = [f"S{n:03d}" for n in range(20)]
    given = labels_of(
        {"scan_id": scans, "label": ["no", "yes"] * 10},
        attributes={"fold": ["train"] * 10 + ["Test"] * 10, "ward": ["a", "b"] * 10},
    )
    patients = [f"P{n}" for n in range(19)] + ["P0"]
    found = one(labels.label_join(evidence(others={"labels": given}, patient_key=patients)), "given_split_leaks")
    assert found.count == 1 and list(found.scans) == ["S000", "S019"] and "'fold'" in found.sentence


def test_classes_of_fewer_than_ten_patients_stop():
    scans = [f"S{n:03d}" for n in range(20)]
    given = labels_of({"scan_id": scans, "label": ["yes"] * 10 + ["no"] * 10})
    patients = [f"P{n}" for n in range(9)] + ["P0"] + [f"Q{n}" for n in range(10)]
    found = one(labels.label_join(evidence(others={"labels": given}, patient_key=patients)), "small_classes")
    assert found.level == "stop" and "'yes' (9)" in found.sentence and "'no'" not in found.sentence
    many = labels_of(
        {"scan_id": scans, "edema": [1.0] * 4 + [0.0] * 16, "mass": [1.0] * 12 + [None] * 8},
        task="multilabel",
        classes=["edema", "mass"],
    )
    assert "'edema' (4):" in one(labels.label_join(evidence(others={"labels": many})), "small_classes").sentence
