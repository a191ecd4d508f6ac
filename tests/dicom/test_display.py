import numpy as np
import pytest

from tests.dicom.making import item, picture, set_words
from workbench.dicom import as_displayed, read_frame
from workbench.dicom.display import fallback_window
from workbench.dicom.voi import Window

PIXELS = np.array([[0, 1], [2, 3]], np.uint16)


def table(descriptor, values, **attributes):
    found = item(**attributes)
    set_words(found, "LUTDescriptor", "US", descriptor)
    set_words(found, "LUTData", "OW", np.asarray(values, "<u2").tobytes())
    return found


def test_4096_entries_of_eight_bits_do_not_wrap():
    pixels = np.array([[0, 6], [2048, 4095]], np.uint16)
    content = picture(
        pixels, "DX", BitsStored=12, HighBit=11, VOILUTSequence=[table([4096, 0, 8], np.arange(4096) >> 4)]
    )
    np.testing.assert_allclose(as_displayed(read_frame(content)) * 255, [[0, 0], [128, 255]], atol=1e-4)


def test_a_declared_depth_beyond_the_data_does_not_darken():
    content = picture(PIXELS, "CR", VOILUTSequence=[table([4, 0, 16], [0, 1000, 2000, 4095])])
    np.testing.assert_allclose(as_displayed(read_frame(content)), [[0, 1000 / 4095], [2000 / 4095, 1]])


def test_a_table_works_on_values_before_the_inversion_which_comes_last_and_once():
    content = picture(
        PIXELS,
        "DX",
        BitsStored=2,
        HighBit=1,
        PhotometricInterpretation="MONOCHROME1",
        VOILUTSequence=[table([4, 0, 8], [0, 10, 20, 255])],
    )
    np.testing.assert_allclose(as_displayed(read_frame(content)) * 255, [[255, 245], [235, 0]], atol=1e-4)


@pytest.mark.parametrize("shape", [None, "INVERSE"])
def test_monochrome1_is_inverted_once_on_screen(shape):
    content = picture(
        PIXELS,
        "DX",
        BitsStored=2,
        HighBit=1,
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape=shape,
        WindowCenter="2",
        WindowWidth="4",
    )
    np.testing.assert_allclose(as_displayed(read_frame(content)), [[1, 2 / 3], [1 / 3, 0]], atol=1e-6)


def test_presets_and_a_window_of_ones_own():
    content = picture(PIXELS, "CT", WindowCenter=["2", "1"], WindowWidth=["4", "1"])
    frame = read_frame(content)
    np.testing.assert_allclose(as_displayed(frame), [[0, 1 / 3], [2 / 3, 1]], atol=1e-6)
    np.testing.assert_array_equal(as_displayed(frame, preset=1), [[0, 1], [1, 1]])
    np.testing.assert_array_equal(as_displayed(frame, preset=9), as_displayed(frame, preset=1))
    np.testing.assert_array_equal(as_displayed(frame, window=Window(3, 1)), [[0, 0], [0, 1]])


def test_without_a_suggestion_the_percentiles_outside_padding():
    values = np.arange(101, dtype=np.float32).reshape(1, 101)
    window = fallback_window(values, values > 100)
    assert (window.centre, window.width) == (50, 98)
    with_padding = np.concatenate([values, np.full((1, 101), 9999, np.float32)], axis=1)
    assert fallback_window(with_padding, with_padding == 9999) == window


def test_constant_and_fully_padded_pictures_are_shown_too():
    content = picture(np.full((2, 2), 7, np.uint16), "CR")
    assert as_displayed(read_frame(content)).max() <= 1
    assert fallback_window(np.zeros((1, 2)), np.ones((1, 2), bool)) == Window(0, 1, "LINEAR_EXACT")
    mostly = np.zeros((1, 1000))
    mostly[0, 0] = 5
    assert fallback_window(mostly, np.zeros((1, 1000), bool)).width == 5


def test_colour_is_scaled_only():
    content = picture(np.array([[[0, 51, 255]]], np.uint8), "US")
    np.testing.assert_allclose(as_displayed(read_frame(content)), [[[0, 0.2, 1]]])


def test_a_ct_as_highdicom_shows_it():
    import highdicom
    from pydicom.data import get_testdata_file

    path = get_testdata_file("693_J2KI.dcm")
    theirs = highdicom.imread(path).get_frame(
        1,
        apply_voi_transform=True,
        apply_modality_transform=True,
        apply_real_world_transform=False,
        apply_presentation_lut=True,
        dtype=np.float32,
    )
    np.testing.assert_allclose(as_displayed(read_frame(path)), theirs, atol=1e-5)
