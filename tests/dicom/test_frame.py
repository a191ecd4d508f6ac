import numpy as np
import pytest

from tests.dicom.making import picture
from workbench.dicom import read_frame


@pytest.mark.parametrize(
    ("modality", "dtype", "bits", "kept"),
    [
        ("DX", np.uint8, 8, np.uint16),
        ("CR", np.uint16, 12, np.uint16),
        ("MR", np.uint16, 12, np.uint16),
        ("MR", np.int16, 16, np.int16),
        ("US", np.uint8, 8, np.uint8),
        ("OT", np.uint8, 8, np.uint8),
        ("OT", np.uint16, 16, np.uint16),
        ("NM", np.uint16, 16, np.uint16),
        ("XA", np.uint8, 8, np.uint16),
        ("MR", np.uint32, 32, np.float32),
        ("CT", np.int16, 12, np.int16),
    ],
)
def test_what_a_store_keeps(modality, dtype, bits, kept):
    pixels = np.array([[0, 1], [100, 127]], dtype)
    frame = read_frame(picture(pixels, modality, BitsStored=bits, HighBit=bits - 1))
    assert frame.training().dtype == kept
    np.testing.assert_array_equal(frame.training(), pixels)
    assert (frame.rows, frame.columns, frame.colour, frame.bits_stored) == (2, 2, False, bits)


def test_colour_keeps_its_upper_eight_bits():
    pixels = np.array([[[0, 256, 65535]]], np.uint16)
    frame = read_frame(picture(pixels, "US"))
    np.testing.assert_array_equal(frame.training(), [[[0, 1, 255]]])
    assert frame.colour and frame.values.shape == (1, 1, 3) and frame.padding.shape == (1, 1)


def test_fractions_are_rounded_for_training():
    frame = read_frame(picture(np.array([[1, 3]], np.uint16), "CT", RescaleSlope="0.5", RescaleIntercept="-10"))
    np.testing.assert_array_equal(frame.values, [[-9.5, -8.5]])
    np.testing.assert_array_equal(frame.training(), [[-10, -8]])
    assert not frame.whole
