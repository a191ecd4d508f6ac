from __future__ import annotations

import numpy as np

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import headers


def test_sides_that_contradict_each_other():
    found = one(headers.laterality(evidence(laterality_differs=some(20, {4: 1.0}, 0.0))), "laterality")
    assert list(found.scans) == ["S004"]


def test_a_breast_on_the_side_where_the_other_one_is_shown():
    sides = ["L"] * 20 + ["R"] * 20
    contrast = [0.3] * 20 + [-0.3] * 20
    contrast[5] = -0.3
    given = evidence(40, modality="MG", laterality=sides, side_contrast=contrast)
    assert list(one(headers.laterality(given), "breast_side").scans) == ["S005"]
    undecided = evidence(40, modality="MG", laterality=sides, side_contrast=[0.3, -0.3] * 20)
    assert list(headers.laterality(undecided)) == []
    assert list(headers.laterality(evidence(40, modality="DX", laterality=sides, side_contrast=contrast))) == []


def test_age_and_sex():
    given = evidence(
        age_differs=some(20, {1: 1.0}, 0.0),
        patient_key=some(20, {2: "P", 3: "P", 4: "Q", 5: "Q", 6: "U", 7: "U"}, "other"),
        sex=some(20, {3: "M", 5: "O", 7: "M"}, "F"),
        patient_unknown=some(20, {6: True, 7: True}, False),
    )
    found = list(headers.age_and_sex(given))
    assert list(one(found, "age").scans) == ["S001"]
    torn = one(found, "two_sexes")
    assert (torn.count, list(torn.scans)) == (1, ["S002", "S003"])


def test_dates():
    given = evidence(
        date_future=some(20, {0: 1.0}, 0.0), date_before_1985=some(20, {1: 1.0}, np.nan), date_new_year=0.0
    )
    found = list(headers.dates(given))
    assert [(item.code, list(item.scans)) for item in found] == [("date_future", ["S000"]), ("date_old", ["S001"])]
    assert found[0].sentence.startswith("1 picture carries a study date in the future")
    new_year = one(headers.dates(evidence(date_new_year=[1.0] * 11 + [0.0] * 9)), "date_new_year")
    assert new_year.count == 11 and not new_year.scans  # the day of a single study would undo its shifted date
    assert list(headers.dates(evidence(date_new_year=[1.0] * 10 + [0.0] * 10))) == []
