from __future__ import annotations

from datetime import date

import pytest

from tests.cohort.making import write_dicom
from workbench.dicom import open_image
from workbench.dicom.contradictions import Contradictions, contradictions, day

TODAY = date(2024, 6, 1)


@pytest.fixture
def said(tmp_path):
    def read(**elements) -> Contradictions:
        file = write_dicom(tmp_path / "a.dcm", **elements)
        return contradictions(open_image(file).parsed.root, today=TODAY)

    return read


def test_an_ordinary_header_contradicts_nothing(said):
    assert said(PatientBirthDate="19750203") == Contradictions()
    assert said(PatientBirthDate=None, PatientAge=None, StudyDate=None, SeriesDescription=None) == Contradictions()


@pytest.mark.parametrize(
    ("elements", "differ"),
    [
        ({"Laterality": "L", "ImageLaterality": "R"}, True),
        ({"ImageLaterality": "L", "SeriesDescription": "Knee right ap"}, True),
        ({"ImageLaterality": "R", "SeriesDescription": "Knie RE"}, False),
        ({"Laterality": "B", "SeriesDescription": "Knee right"}, False),
        ({"Laterality": "L", "SeriesDescription": "left and right"}, False),
    ],
)
def test_sides(said, elements, differ):
    assert said(**elements).laterality is differ


@pytest.mark.parametrize(
    ("born", "age", "differ"),
    [("19750203", "044Y", False), ("19750203", "045Y", False), ("19750203", "046Y", True), ("19750203", "042Y", True),
     ("19750203", "010M", False), ("", "044Y", False)],
)  # fmt: skip
def test_ages(said, born, age, differ):
    assert said(PatientBirthDate=born, PatientAge=age, StudyDate="20190405").age is differ


def test_dates_that_cannot_be(said):
    assert said(StudyDate="20240602").future and not said(StudyDate="20240601").future
    assert said(StudyDate="19841231").before_1985 and not said(StudyDate="19850101").before_1985
    assert said(StudyDate="20200101").new_year and not said(StudyDate="20200102").new_year
    assert not said(StudyDate="20201301").future


def test_dates_are_read_in_both_forms():
    assert day("20190405") == day("2019.04.05") == date(2019, 4, 5)
    assert day("") is day("2019") is day("20190230") is None


def test_saved_screens_faces_and_lossy_ratios(said):
    assert said(SeriesDescription="Screen Save").saved_screen and said(SeriesDescription="Dose Report").saved_screen
    assert not said(SeriesDescription="Chest pa").saved_screen
    assert said(RecognizableVisualFeatures="NO").features_removed
    assert said(LossyImageCompressionRatio=["5.5", "12"]).lossy_ratio == 12.0
