import subprocess

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from tests.dicom.making import BIG, dataset, encode, picture
from workbench.dicom import FileRefused, Outcome, decoding, open_image, read_frame
from workbench.dicom.decoding import decode

EXPLICIT = "1.2.840.10008.1.2.1"


def stored(content: bytes, frame: int = 0) -> np.ndarray:
    image = open_image(content)
    return decode(image.parsed, image.form, frame).values


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_every_native_type(dtype, syntax):
    limits = np.iinfo(dtype)
    pixels = np.linspace(limits.min, limits.max, 30).astype(dtype).reshape(5, 6)
    np.testing.assert_array_equal(stored(picture(pixels, "MR", syntax=syntax)), pixels)


def test_unused_bits_that_hold_an_overlay_are_cleared_and_the_sign_is_extended():
    words = np.array([[0xF001, 0x0FFF], [0x5800, 0x07FF]], np.uint16)
    unsigned = stored(picture(words, "MR", BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(unsigned, [[1, 4095], [0x800, 0x7FF]])
    signed = stored(picture(words.view(np.int16), "MR", BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(signed, [[1, -1], [-2048, 2047]])


def test_values_in_the_upper_bits():
    words = np.array([[0x0010, 0xFFF0]], np.uint16)
    np.testing.assert_array_equal(stored(picture(words, "MR", BitsStored=12, HighBit=15)), [[1, 4095]])


def test_single_bits():
    plain = dataset(np.zeros((4, 4), np.uint8), "MR", BitsAllocated=1, BitsStored=1, HighBit=0)
    plain["PixelData"].value = bytes([0b00000101, 0b10000000])
    wanted = np.zeros((4, 4), np.uint8)
    wanted[0, 0] = wanted[0, 2] = wanted[3, 3] = 1
    np.testing.assert_array_equal(stored(encode(plain)), wanted)


def test_one_frame_at_a_time():
    pixels = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    content = picture(pixels, "MR")
    for frame in range(3):
        np.testing.assert_array_equal(stored(content, frame), pixels[frame])


def test_colour_by_plane_equals_colour_by_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    by_plane = dataset(pixels, "US", PlanarConfiguration=1)
    by_plane["PixelData"].value = pixels.transpose(2, 0, 1).tobytes()
    np.testing.assert_array_equal(stored(encode(by_plane)), pixels)
    np.testing.assert_array_equal(stored(picture(pixels, "US")), pixels)


def test_ybr_becomes_rgb():
    grey = np.full((2, 2, 3), 128, np.uint8)
    grey[..., 0] = 77
    found = stored(picture(grey, "US", PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_array_equal(found, np.full((2, 2, 3), 77))


def test_nine_codings_of_one_slice_are_identical(shared_data):
    files = sorted((shared_data / "dcm-qa-ts" / "In").glob("*.dcm"))
    assert len(files) == 9
    frames = [read_frame(file).values for file in files]
    assert frames[0].shape == (384, 384) and frames[0].max() == 2362
    for other in frames[1:]:
        np.testing.assert_array_equal(other, frames[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("emri_small.dcm", "emri_small_RLE.dcm"),
        ("emri_small.dcm", "emri_small_big_endian.dcm"),
        ("emri_small.dcm", "emri_small_jpeg_2k_lossless.dcm"),
        ("emri_small.dcm", "emri_small_jpeg_ls_lossless.dcm"),
        ("emri_small.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"),
        ("MR2_UNCR.dcm", "MR2_J2KR.dcm"),
        ("693_UNCR.dcm", "693_J2KR.dcm"),
        ("OBXXXX1A.dcm", "OBXXXX1A_rle.dcm"),
        ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm"),
        ("US1_UNCR.dcm", "US1_J2KR.dcm"),
        ("SC_rgb_16bit_2frame.dcm", "SC_rgb_expb_16bit_2frame.dcm"),
        ("color-pl.dcm", "color-px.dcm"),
        ("gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm"),
        ("JLSL_RGB_ILV0.dcm", "JLSL_RGB_ILV2.dcm"),
    ],
)
def test_pairs_of_real_files_agree(shared_data, first, second):
    one, other = (open_image(shared_data / "pydicom-data" / name) for name in (first, second))
    assert one.frames == other.frames
    for frame in range(one.frames):
        np.testing.assert_array_equal(one.frame(frame).values, other.frame(frame).values)


def test_real_files_that_do_not_decode_are_refused_one_by_one(shared_data):
    refused = {}
    for file in sorted((shared_data / "pydicom-data").glob("*.dcm")):
        try:
            read_frame(file)
        except FileRefused as refusal:
            refused[file.name] = refusal.code.value
    segmentations = {name for name, code in refused.items() if code == "contour_or_dose"}
    assert len(segmentations) == 9 and all(name.startswith("liver") for name in segmentations)
    assert {name for name in refused if name not in segmentations} == {
        "parametric_map_double_float.dcm",
        "parametric_map_float.dcm",
    }


def test_twelve_bit_jpeg_extended_needs_no_gpl_decoder():
    frame = read_frame(get_testdata_file("JPGExtended.dcm"))
    assert frame.values.shape == (1024, 256)
    assert (frame.values.min(), frame.values.max()) == (0, 264)


def test_a_damaged_stream_is_said_to_be_damaged():
    with pytest.raises(FileRefused) as caught:
        read_frame(get_testdata_file("JPEG2000-embedded-sequence-delimiter.dcm"))
    assert caught.value.code is Outcome.DAMAGED and "J2K" in caught.value.detail


def test_a_damaged_extended_stream(monkeypatch):
    import dicomsdl

    class Nothing:
        def pixelData(self, *_, **__):  # noqa: N802
            return np.zeros((2, 2))

    monkeypatch.setattr(dicomsdl, "open_memory", lambda _: Nothing())
    with pytest.raises(FileRefused) as caught:
        read_frame(get_testdata_file("JPGExtended.dcm"))
    assert caught.value.detail == "the picture is 2 x 2 pixels"

    def fail(_):
        raise RuntimeError("no\nthis")

    monkeypatch.setattr(dicomsdl, "open_memory", fail)
    with pytest.raises(FileRefused) as caught:
        read_frame(get_testdata_file("JPGExtended.dcm"))
    assert caught.value.detail == "this"


def test_a_syntax_that_nothing_decodes_is_named(monkeypatch):
    from pydicom.pixels import decoders

    content = get_testdata_file("MR_small_jp2klossless.dcm")
    monkeypatch.setattr(decoders.JPEG2000LosslessDecoder, "_available", {})
    monkeypatch.setattr(decoders.JPEG2000LosslessDecoder, "_unavailable", {"pillow": ("pillow",)})
    with pytest.raises(FileRefused) as caught:
        read_frame(content)
    assert caught.value.code is Outcome.UNSUPPORTED_CODING and "1.2.840.10008.1.2.4.90" in caught.value.detail


def test_an_unknown_syntax_is_named(shared_data):
    content = (shared_data / "dcm-qa-ts" / "In" / "9.dcm").read_bytes()
    content = content.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.94")
    with pytest.raises(FileRefused) as caught:
        read_frame(content)
    assert caught.value.code is Outcome.UNSUPPORTED_CODING and "4.94" in caught.value.detail


def test_decoders_that_can_end_the_process_are_asked_last():
    assert decoding.PLUGIN_ORDER[-1] == "gdcm"


def test_dcmtk_reads_the_same(shared_data, tmp_path):
    if subprocess.run(["which", "dcmdjpls"], capture_output=True).returncode:
        pytest.skip("dcmtk is not installed")
    plain = tmp_path / "plain.dcm"
    coded = shared_data / "dcm-qa-ts" / "In" / "7.dcm"
    subprocess.run(["dcmdjpls", str(coded), str(plain)], check=True)
    np.testing.assert_array_equal(read_frame(plain).values, read_frame(coded).values)
