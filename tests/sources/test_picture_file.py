import io

import numpy as np
import pytest
from PIL import Image

from workbench.sources.picture_file import NoPicture, read_picture

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
SEVERAL = "several_pictures"
NOISE = np.random.default_rng(1).integers(0, 256, (60, 60), dtype=np.uint8)
RGB = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_eight_and_sixteen_bit_grey_keep_their_values():
    found = read_picture(encoded(Image.fromarray(GREY)))
    np.testing.assert_array_equal(found.pixels, GREY)
    assert found.pixels.dtype == np.uint8 and not found.lossy
    deep = (GREY.astype(np.uint16) + 1) * 5000
    for kind in ("PNG", "TIFF"):
        found = read_picture(encoded(Image.fromarray(deep), kind))
        np.testing.assert_array_equal(found.pixels, deep)
        assert found.pixels.dtype == np.uint16


def test_bits_become_black_and_white():
    np.testing.assert_array_equal(
        read_picture(encoded(Image.fromarray(GREY > 5).convert("1"))).pixels, (GREY > 5) * 255
    )


def test_colour_stays_colour_and_equal_channels_become_grey():
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(RGB))).pixels, RGB)
    equal = np.repeat(GREY[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(equal))).pixels, GREY)
    with_alpha = np.concatenate([equal, np.full((3, 4, 1), 9, np.uint8)], axis=2)
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(with_alpha))).pixels, GREY)
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(GREY).convert("P"))).pixels, GREY)
    np.testing.assert_array_equal(read_picture(encoded(Image.fromarray(GREY).convert("LA"))).pixels, GREY)


def test_jpeg_is_marked_as_lossy():
    found = read_picture(encoded(Image.fromarray(np.full((64, 64), 100, np.uint8)), "JPEG"))
    assert found.lossy and found.ratio > 1
    np.testing.assert_array_equal(found.pixels, 100)


def test_the_cameras_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    found = read_picture(encoded(Image.fromarray(GREY), "PNG", exif=exif))
    np.testing.assert_array_equal(found.pixels, np.rot90(GREY, -1))


def _deep_colour() -> bytes:
    """A 16-bit RGB PNG, which Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 26)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "not_an_image"),
        (b"", "not_an_image"),
        (encoded(Image.fromarray(NOISE))[:2000], "damaged"),
        (encoded(Image.fromarray(NOISE), "JPEG")[:1500], "damaged"),
        (encoded(Image.new("L", (4, 3)), "GIF", save_all=True, append_images=[Image.new("L", (4, 3), 9)]), SEVERAL),
        (encoded(Image.fromarray(RGB).convert("CMYK"), "TIFF"), "unsupported_pixels"),
        (encoded(Image.fromarray(GREY.astype(np.int32) - 5), "TIFF"), "unsupported_pixels"),
        (encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "unsupported_pixels"),
        (_deep_colour(), "unsupported_pixels"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_over_is_refused_with_its_reason(content, reason):
    with pytest.raises(NoPicture) as caught:
        read_picture(content)
    assert caught.value.reason == reason and caught.value.detail


def test_whole_numbers_of_32_bits_that_fit_in_16():
    values = GREY.astype(np.int32) * 5000
    found = read_picture(encoded(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(found.pixels, values)
    assert found.pixels.dtype == np.uint16


def test_a_bomb_is_not_opened(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(NoPicture) as caught:
        read_picture(encoded(Image.fromarray(GREY)))
    assert caught.value.reason == "too_big"
