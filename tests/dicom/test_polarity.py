import numpy as np
import pytest

from tests.dicom.making import item, picture, set_words
from workbench.dicom import as_displayed, read_frame
from workbench.dicom.polarity import invert_window

PIXELS = np.array([[0, 100], [200, 4095]], np.uint16)
TWELVE = {"BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize("shape", [None, "INVERSE"])
def test_monochrome1_is_inverted_once(shape):
    frame = read_frame(
        picture(PIXELS, "DX", PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=shape, **TWELVE)
    )
    assert frame.inverted and frame.photometric == "MONOCHROME1"
    np.testing.assert_array_equal(frame.values, 4095 - PIXELS)
    np.testing.assert_array_equal(frame.training(), 4095 - PIXELS)
    assert frame.training().dtype == np.uint16


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME2", None), ("MONOCHROME2", "IDENTITY"), ("MONOCHROME1", "IDENTITY")]
)
def test_the_others_are_not(photometric, shape):
    frame = read_frame(
        picture(PIXELS, "DX", PhotometricInterpretation=photometric, PresentationLUTShape=shape, **TWELVE)
    )
    assert not frame.inverted
    np.testing.assert_array_equal(frame.values, PIXELS)


def test_the_range_counts_and_not_the_largest_pixel():
    dim = read_frame(picture(PIXELS // 41, "DX", PhotometricInterpretation="MONOCHROME1", **TWELVE))
    assert dim.values.max() == 4095 and dim.values.min() == 4095 - 99


def test_signed_values_swap_their_ends():
    pixels = np.array([[-2048, -1, 0, 2047]], np.int16)
    frame = read_frame(picture(pixels, "DX", PhotometricInterpretation="MONOCHROME1", **TWELVE))
    np.testing.assert_array_equal(frame.values, -1 - pixels.astype(int))


def test_a_slope_and_a_table_keep_their_range():
    sloped = read_frame(
        picture(
            PIXELS, "DX", PhotometricInterpretation="MONOCHROME1", RescaleSlope="2", RescaleIntercept="10", **TWELVE
        )
    )
    np.testing.assert_array_equal(sloped.values, (4095 - PIXELS.astype(int)) * 2 + 10)
    table = item(LUTDescriptor=[2, 0, 10])
    set_words(table, "LUTData", "OW", np.array([3, 1000], "<u2").tobytes())
    tabled = read_frame(
        picture(PIXELS, "DX", PhotometricInterpretation="MONOCHROME1", ModalityLUTSequence=[table], **TWELVE)
    )
    np.testing.assert_array_equal(tabled.values, [[1020, 23], [23, 23]])


def test_hounsfield_units_keep_their_sign_and_the_display_inverts():
    frame = read_frame(
        picture(
            PIXELS, "CT", PhotometricInterpretation="MONOCHROME1", RescaleSlope="1", RescaleIntercept="-1024", **TWELVE
        )
    )
    assert not frame.inverted and frame.values.min() == -1024
    shown = as_displayed(frame)
    assert shown[0, 0] == 1 and shown[1, 1] == 0


def test_a_window_goes_with_the_inversion():
    attributes = {"WindowCenter": "1000", "WindowWidth": "500", **TWELVE}
    dark = read_frame(picture(PIXELS, "DX", PhotometricInterpretation="MONOCHROME1", **attributes))
    assert dark.window == (3096, 500) == invert_window((1000, 500), (0, 4095))
    centre, width = dark.window
    by_hand = np.clip((dark.values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    np.testing.assert_allclose(by_hand, as_displayed(dark), atol=1e-6)
