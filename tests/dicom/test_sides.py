from __future__ import annotations

import numpy as np
import pytest

from tests.dicom.making import dataset, encode
from workbench.dicom import open_image
from workbench.dicom.sides import Sides, sides


def of(**attributes) -> Sides:
    return sides(open_image(encode(dataset(np.zeros((4, 4), np.uint16), **attributes))).attributes)


def test_an_axial_slice_has_the_patients_right_on_the_left() -> None:
    assert of(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]) == Sides("R", "L", "A", "P")


def test_a_sagittal_slice_has_the_head_on_top() -> None:
    assert of(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]) == Sides("A", "P", "H", "F")


def test_an_oblique_slice_names_two_directions_the_main_one_first() -> None:
    assert of(ImageOrientationPatient=[0.8, 0.6, 0, 0, 0, -1]) == Sides("RA", "LP", "H", "F")
    assert of(ImageOrientationPatient=[0.98, 0.19899749, 0, 0, 0, -1]) == Sides("R", "L", "H", "F")


def test_a_radiograph_states_it_in_words() -> None:
    assert of(modality="DX", PatientOrientation=["L", "F"]) == Sides("R", "L", "H", "F")
    assert of(modality="MG", PatientOrientation=["P", "FR"]) == Sides("A", "P", "HL", "FR")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"ImageLaterality": "L"},
        {"PatientOrientation": ["X", "<b>"]},
        {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {"ImageOrientationPatient": [1, 0, 0]},
    ],
)
def test_what_is_not_stated_stays_unknown(attributes: dict) -> None:
    assert of(modality="DX", **attributes) == Sides()
