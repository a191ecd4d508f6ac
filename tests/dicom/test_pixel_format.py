import numpy as np
import pytest

from tests.dicom.making import dataset, encode, picture
from workbench.dicom import FileRefused, Outcome, open_image, pixel_format, read_header

PIXELS = np.zeros((4, 6), np.int16)
RGB = np.zeros((4, 6, 3), np.uint8)


def refused(content: bytes) -> str:
    with pytest.raises(FileRefused) as caught:
        read_header(content)
    assert caught.value.code is Outcome.BAD_GEOMETRY
    return caught.value.detail


@pytest.mark.parametrize(
    "keyword",
    [
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "BitsAllocated",
        "BitsStored",
        "PixelRepresentation",
        "PhotometricInterpretation",
    ],
)
def test_a_missing_attribute_is_named_with_its_tag(keyword):
    detail = refused(picture(PIXELS, **{keyword: None}))
    assert keyword in detail and detail.startswith("(0028,") and detail.endswith("is missing")


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({"Rows": 0}, "(0028,0010) Rows is 0"),
        ({"NumberOfFrames": 0}, "(0028,0008) NumberOfFrames is no positive number"),
        ({"BitsAllocated": 12}, "(0028,0100) BitsAllocated is 12; known are 1, 8, 16 and 32"),
        ({"BitsStored": 17}, "(0028,0101) BitsStored is 17 of 16 bits allocated"),
        ({"PixelRepresentation": 2}, "(0028,0103) PixelRepresentation is 2; known are 0 and 1"),
        (
            {"PhotometricInterpretation": "CMYK"},
            "(0028,0004) PhotometricInterpretation is none that this version reads",
        ),
        ({"PhotometricInterpretation": "RGB"}, "(0028,0002) SamplesPerPixel is 1, which does not fit RGB"),
    ],
)
def test_what_cannot_be_is_named(attributes, detail):
    assert refused(picture(PIXELS, **attributes)) == detail


def test_signed_colour_cannot_be():
    assert "PixelRepresentation" in refused(picture(RGB, "US", PixelRepresentation=1))


def test_floating_point_pixels_are_not_read():
    plain = dataset(PIXELS)
    del plain.PixelData
    plain.FloatPixelData = np.zeros((4, 6), np.float32).tobytes()
    with pytest.raises(FileRefused) as caught:
        read_header(encode(plain))
    assert caught.value.code is Outcome.UNSUPPORTED_IMAGE


def test_limits(monkeypatch):
    monkeypatch.setattr(pixel_format, "MAX_FRAMES", 2)
    with pytest.raises(FileRefused) as caught:
        read_header(picture(np.zeros((3, 4, 6), np.int16)))
    assert (caught.value.code, caught.value.detail) == (Outcome.TOO_BIG, "3 frames; the limit is 2")
    monkeypatch.setattr(pixel_format, "MAX_FRAME_BYTES", 90)
    with pytest.raises(FileRefused) as caught:
        read_header(picture(PIXELS))
    assert caught.value.code is Outcome.TOO_BIG and "4 x 6 pixels" in caught.value.detail


def test_facts_of_a_good_picture():
    form = open_image(picture(np.zeros((2, 4, 6), np.uint16), "DX", BitsStored=12, HighBit=11)).form
    assert (form.rows, form.columns, form.frames, form.samples) == (4, 6, 2, 1)
    assert form.ends == (0, 4095) and form.frame_bits == 4 * 6 * 16
    assert open_image(picture(PIXELS, BitsStored=12, HighBit=99)).form.high_bit == 11
    assert open_image(picture(PIXELS, BitsStored=12)).form.ends == (-2048, 2047)
    assert open_image(picture(PIXELS, HighBit=None)).form.high_bit == 15
