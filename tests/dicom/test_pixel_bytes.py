import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from tests.dicom.making import dataset, encode, picture
from workbench.dicom import FileRefused, Outcome, open_image, read_header
from workbench.dicom.pixel_bytes import encapsulated, fragments_of

PIXELS = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)


def refused(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_header(content)
    return caught.value


def compressed(
    frames: int = 1, promised: int | None = None, fragments: list[bytes] | None = None, bot: bool = True
) -> bytes:
    pixels = np.stack([PIXELS.astype(np.uint16)] * frames)
    plain = dataset(pixels, "MR")
    plain.file_meta = None
    encode(plain)
    plain.compress(RLELossless, encoding_plugin="pydicom")
    if fragments is not None:
        plain.PixelData = encapsulate(fragments, has_bot=bot)
    if promised is not None:
        plain.NumberOfFrames = promised
    return encode(plain, RLELossless)


def test_a_cut_picture_is_noticed_without_decoding_and_counted():
    refusal = refused(picture(PIXELS)[:-1000])
    assert (refusal.code, refusal.detail) == (Outcome.TRUNCATED, "7,192 of 8,192 bytes of picture present")


def test_a_pixel_element_that_promises_a_gigabyte_is_cut_short():
    content = picture(PIXELS)
    place = content.index(b"\xe0\x7f\x10\x00OW") + 8
    content = content[:place] + (10**9).to_bytes(4, "little") + content[place + 4 :]
    refusal = refused(content)
    assert (refusal.code, refusal.detail) == (Outcome.TRUNCATED, "8,192 of 1,000,000,000 bytes of picture present")


def test_rows_too_small_do_not_become_another_frame():
    refusal = refused(picture(PIXELS, Rows=32))
    assert refusal.code is Outcome.BAD_GEOMETRY
    assert refusal.detail == "32 x 64 pixels and 1 frames need 4,096 bytes, but there are 8,192"
    assert refused(picture(PIXELS, Rows=56)).code is Outcome.BAD_GEOMETRY


def test_a_little_slack_and_rubbish_behind_the_picture_do_no_harm():
    plain = dataset(PIXELS)
    plain["PixelData"].value = plain.PixelData + b"\0" * 100
    assert read_header(encode(plain)).rows == 64
    assert read_header(picture(PIXELS) + b"rubbish").rows == 64


def test_fragments_are_found_and_counted():
    parsed = open_image(compressed(3)).parsed
    offsets, fragments, complete, missing = fragments_of(parsed)
    assert (len(offsets), len(fragments), complete, missing) == (3, 3, True, 0)
    assert encapsulated(parsed)[:4] == b"\xfe\xff\x00\xe0"


def test_compressed_pictures_that_are_cut_or_miscounted():
    good = compressed(3)
    assert refused(good[:-3000]).code is Outcome.TRUNCATED
    last = refused(good[: len(good) - 100])
    assert last.code is Outcome.TRUNCATED and last.detail.startswith("a fragment lacks ")
    assert refused(compressed(2, promised=3)).code is Outcome.BAD_GEOMETRY
    assert refused(compressed(3, promised=2)).detail == "the header promises 2 frames, the offset table names 3"
    assert refused(compressed(1, fragments=[])).detail == "no compressed picture data"


def test_a_missing_end_is_forgiven_when_every_frame_is_there():
    good = compressed(3)
    assert good.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert read_header(good[:-8]).frames == 3
    without = compressed(3, promised=4)[:-8]
    assert refused(without).detail == "3 of 4 frames present"


def test_a_fragment_without_its_head_is_damage():
    good = compressed(1)
    place = good.rindex(b"\xfe\xff\x00\xe0")
    assert refused(good[:place] + b"\1\2\3\4" + good[place + 4 :]).code is Outcome.DAMAGED
