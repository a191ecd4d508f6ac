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


def test_counts_are_the_values_where_16_bits_hold_them():
    wide = read_frame(picture(np.array([[0, 65535]], np.uint16), "DX"))
    assert wide.counts is not None and wide.counts.dtype == np.uint16 and wide.counts.tolist() == [[0, 65535]]
    halves = read_frame(picture(np.array([[2, 4]], np.uint16), "CT", RescaleSlope="0.5", RescaleIntercept="-10"))
    assert halves.counts is not None and halves.counts.dtype == np.int16 and halves.counts.tolist() == [[-9, -8]]
    assert read_frame(picture(np.array([[2, 3]], np.uint16), "CT", RescaleSlope="0.5")).counts is None
    assert read_frame(picture(np.array([[70000, 1]], np.uint32), "MR")).counts is None


def test_what_a_store_keeps_of_a_ct_beyond_16_bits_is_cut():
    frame = read_frame(picture(np.array([[0, 60000]], np.uint16), "CT", RescaleSlope="1", RescaleIntercept="-1024"))
    assert frame.counts is None and frame.training().tolist() == [[-1024, 32767]]
    with pytest.raises(ValueError, match="read-only"):
        read_frame(picture(np.array([[0, 1]], np.uint16), "CT", RescaleSlope="1")).training()[0, 0] = 5


@pytest.mark.parametrize(
    "extra",
    [
        {"modality": "CT", "RescaleSlope": "1", "RescaleIntercept": "-1024"},
        {"modality": "CT", "RescaleSlope": "-0.3", "RescaleIntercept": "7.7"},
        {"modality": "DX", "PhotometricInterpretation": "MONOCHROME1"},
        {"modality": "DX", "RescaleSlope": "2.1", "RescaleIntercept": "-5", "PhotometricInterpretation": "MONOCHROME1"},
        {"modality": "MR"},
        {"modality": "PT", "RescaleSlope": "0.0123", "RescaleIntercept": "0", "Units": "BQML"},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
def test_extremes_are_those_of_the_values(extra, dtype):
    pixels = np.random.default_rng(5).integers(3, 120, (9, 7)).astype(dtype)
    frame = read_frame(picture(pixels, extra["modality"], **{k: v for k, v in extra.items() if k != "modality"}))
    assert frame.extremes == (float(frame.values.min()), float(frame.values.max()))


def test_extremes_of_colour():
    frame = read_frame(picture(np.array([[[3, 9, 200]]], np.uint8), "US"))
    assert frame.extremes == (3.0, 200.0)
