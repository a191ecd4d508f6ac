import numpy as np
import pytest

from tests.dicom.making import BIG, dataset, encode, picture, set_words
from workbench.dicom import read_frame
from workbench.dicom.padding import inferred_padding

PIXELS = np.array([[-2000, -1000], [0, 1500]], np.int16)


def test_a_padding_value_written_as_unsigned_in_a_signed_picture():
    plain = dataset(PIXELS, "CT", RescaleSlope="1", RescaleIntercept="0")
    set_words(plain, "PixelPaddingValue", "US", 63536)
    frame = read_frame(encode(plain))
    np.testing.assert_array_equal(frame.padding, [[True, False], [False, False]])
    assert frame.training()[0, 0] == -1024


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", BIG])
def test_a_padding_value_as_it_should_be(syntax):
    frame = read_frame(picture(PIXELS, "CT", PixelPaddingValue=-2000, syntax=syntax))
    np.testing.assert_array_equal(frame.padding, [[True, False], [False, False]])


@pytest.mark.parametrize(("value", "limit"), [(4000, 4095), (4095, 4000)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_range_runs_either_way_and_counts_its_ends(value, limit, photometric):
    pixels = np.array([[3999, 4000, 4050, 4095]], np.uint16)
    frame = read_frame(
        picture(
            pixels,
            "MG",
            BitsStored=12,
            HighBit=11,
            PixelPaddingValue=value,
            PixelPaddingRangeLimit=limit,
            PhotometricInterpretation=photometric,
        )
    )
    np.testing.assert_array_equal(frame.padding, [[False, True, True, True]])


def test_padding_is_found_before_unused_bits_are_cleared():
    words = np.array([[63536, 2096]], np.uint16)  # 63536 and 2096 share their lower twelve bits
    frame = read_frame(picture(words, "DX", BitsStored=12, HighBit=11, PixelPaddingValue=63536))
    np.testing.assert_array_equal(frame.padding, [[True, False]])
    np.testing.assert_array_equal(frame.values, [[2096, 2096]])


def test_eight_bit_pictures_compare_eight_bits():
    pixels = np.array([[255, 0]], np.uint8)
    plain = dataset(pixels, "DX")
    set_words(plain, "PixelPaddingValue", "US", 0xFFFF)
    np.testing.assert_array_equal(read_frame(encode(plain)).padding, [[True, False]])


def test_padding_of_compressed_pictures(shared_data):
    plain, coded = (read_frame(shared_data / "pydicom-data" / f"693_{name}.dcm") for name in ("UNCR", "J2KR"))
    assert plain.padding.sum() == 55772
    np.testing.assert_array_equal(plain.padding, coded.padding)
    assert (plain.training()[plain.padding] == -1024).all()


def test_colour_and_absent_padding():
    colour = read_frame(picture(np.zeros((2, 2, 3), np.uint8), "US", PixelPaddingValue=0))
    assert not colour.padding.any()
    plain = dataset(PIXELS)
    set_words(plain, "PixelPaddingValue", "OB", b"")
    assert not read_frame(encode(plain)).padding.any()


def circle(outside: float, inside: float = 40.0) -> np.ndarray:
    down, right = np.mgrid[-1:1:64j, -1:1:64j]
    return np.where(down**2 + right**2 > 1, outside, inside).astype(np.float32)


def test_a_ct_circle_without_a_tag_is_recognised():
    found = inferred_padding(circle(-2000))
    assert found is not None
    np.testing.assert_array_equal(found, circle(-2000) == -2000)
    pixels = circle(-976).astype(np.int16)
    frame = read_frame(picture(pixels, "CT", RescaleSlope="1", RescaleIntercept="-1024"))
    assert frame.flags == ("padding_inferred",) and frame.padding[0, 0] and not frame.padding[32, 32]


def test_what_is_no_circle_is_no_padding():
    assert inferred_padding(circle(-1000)) is None
    corner = circle(-2000)
    corner[-1, -1] = 0
    assert inferred_padding(corner) is None
    hole = circle(-2000)
    hole[32, 32] = -2000
    assert inferred_padding(hole) is None
    few = np.zeros((64, 64), np.float32)
    few[::63, ::63] = -2000
    assert inferred_padding(few) is None
