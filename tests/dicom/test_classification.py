import numpy as np
import pytest

from tests.dicom.making import dataset, encode, picture
from workbench.dicom import FileRefused, Outcome, open_image, read_frame, read_header
from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID

PIXELS = np.zeros((4, 4), np.uint8)
STORAGE = "1.2.840.10008.5.1.4.1.1."


def code(content: bytes) -> Outcome:
    try:
        return read_header(content).outcome
    except FileRefused as refusal:
        return refusal.code


@pytest.mark.parametrize(
    ("sop_class", "expected"),
    [
        (STORAGE + "2", Outcome.IMAGE),
        (STORAGE + "1.1", Outcome.IMAGE),
        (STORAGE + "130", Outcome.IMAGE),
        (STORAGE + "88.33", Outcome.REPORT_OR_STATE),
        (STORAGE + "88.59", Outcome.REPORT_OR_STATE),
        (STORAGE + "11.1", Outcome.REPORT_OR_STATE),
        (STORAGE + "104.1", Outcome.REPORT_OR_STATE),
        ("1.2.840.10008.5.1.4.38.1", Outcome.REPORT_OR_STATE),
        (STORAGE + "481.2", Outcome.CONTOUR_OR_DOSE),
        (STORAGE + "481.3", Outcome.CONTOUR_OR_DOSE),
        (STORAGE + "66.4", Outcome.CONTOUR_OR_DOSE),
        (STORAGE + "9.1.1", Outcome.SIGNAL),
        (STORAGE + "7", Outcome.SCREENSHOT),
        (STORAGE + "7.4", Outcome.SCREENSHOT),
        (STORAGE + "77.1.6", Outcome.UNSUPPORTED_IMAGE),
        (STORAGE + "77.1.1", Outcome.UNSUPPORTED_IMAGE),
        (STORAGE + "4.2", Outcome.UNSUPPORTED_IMAGE),
        (STORAGE + "30", Outcome.UNSUPPORTED_IMAGE),
        (STORAGE + "66", Outcome.UNSUPPORTED_IMAGE),
        ("1.2.840.10008.1.3.10", Outcome.DICOMDIR),
        ("1.3.12.2.1107.5.9.1", Outcome.PRIVATE_SOP),
    ],
)
def test_the_sop_class_decides(sop_class, expected):
    assert code(picture(PIXELS, "DX", SOPClassUID=sop_class)) is expected


def test_dose_and_segmentation_are_never_pixels_even_when_asked_for():
    for sop_class in (STORAGE + "481.2", STORAGE + "66.4"):
        with pytest.raises(FileRefused) as caught:
            read_frame(picture(PIXELS, "DX", SOPClassUID=sop_class))
        assert caught.value.code is Outcome.CONTOUR_OR_DOSE


def test_a_header_without_a_picture():
    plain = dataset(PIXELS, "DX")
    del plain.PixelData
    assert code(encode(plain)) is Outcome.IMAGE_HEADER_ONLY


@pytest.mark.parametrize(
    "attributes",
    [
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"ImageType": ["DERIVED", "SECONDARY", "", "CT_DOSE_REPORT"]},
        {"Modality": "OT"},
        {"ConversionType": "WSD"},
    ],
)
def test_what_may_show_names_is_kept_aside(attributes):
    assert code(picture(PIXELS, "DX", **attributes)) is Outcome.SCREENSHOT


def test_a_reformatted_slice_is_no_screenshot():
    assert code(picture(PIXELS, "CT", ImageType=["DERIVED", "SECONDARY", "REFORMATTED"])) is Outcome.IMAGE


def test_a_screenshot_can_still_be_looked_at():
    assert read_frame(picture(PIXELS, "OT")).values.shape == (4, 4)


def test_our_own_captures_are_pictures_also_after_an_archive_rewrote_the_meta_information():
    assert code(encode(dataset(PIXELS, "OT"), implementation=IMPLEMENTATION_CLASS_UID)) is Outcome.IMAGE
    assert code(picture(PIXELS, "OT", InstanceCreatorUID=IMPLEMENTATION_CLASS_UID)) is Outcome.IMAGE


def test_video_is_not_read():
    plain = dataset(PIXELS, "US")
    content = encode(plain).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.102\0")
    content = content[:140] + (int.from_bytes(content[140:144], "little") + 4).to_bytes(4, "little") + content[144:]
    place = content.index(b"1.2.840.10008.1.2.4.102") - 2
    content = content[:place] + (24).to_bytes(2, "little") + content[place + 2 :]
    assert code(content) is Outcome.UNSUPPORTED_IMAGE


def test_modality_comes_from_the_sop_class_where_the_header_has_none():
    assert open_image(picture(PIXELS, "MG", Modality=None)).modality == "MG"
    assert open_image(picture(PIXELS, "CT", Modality=None, SOPClassUID=None)).modality == "CT"


def test_a_modality_that_is_no_defined_term_is_replaced_by_the_one_of_the_class(tmp_path):
    from tests.cohort.making import write_dicom
    from workbench.dicom import read_header

    assert read_header(write_dicom(tmp_path / "a.dcm", Modality="DOE JANE")).modality == "DX"
    assert read_header(write_dicom(tmp_path / "b.dcm", Modality="CR")).modality == "CR"
