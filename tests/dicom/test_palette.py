import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, pixel_array

from tests.dicom.making import dataset, encode
from workbench.dicom import FileRefused, Outcome, read_frame
from workbench.dicom.palette import expand_segments

PIXELS = np.array([[0, 1], [2, 3]], np.uint8)


def with_palette(tables, *, bits: int = 16, first: int = 0, segmented: bool = False, drop: str = ""):
    plain = dataset(PIXELS, "US", PhotometricInterpretation="PALETTE COLOR")
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(plain, f"{colour}PaletteColorLookupTableDescriptor", [4, first, bits])
        name = f"{'Segmented' if segmented else ''}{colour}PaletteColorLookupTableData"
        if colour != drop:
            setattr(plain, name, np.asarray(table, "<u2").tobytes())
    return encode(plain)


def test_sixteen_bit_palettes_keep_their_upper_eight():
    frame = read_frame(with_palette([[0, 0x1234, 0x8000, 0xFFFF], [0, 0, 0, 0x0100], [0xFF00] * 4]))
    np.testing.assert_array_equal(frame.values[..., 0], [[0, 0x12], [0x80, 0xFF]])
    np.testing.assert_array_equal(frame.values[..., 1], [[0, 0], [0, 1]])
    assert frame.colour and frame.bits_stored == 8 and frame.training().dtype == np.uint8


def test_palettes_that_declare_sixteen_bits_but_use_eight():
    frame = read_frame(with_palette([[0, 10, 20, 255]] * 3))
    np.testing.assert_array_equal(frame.values[..., 2], [[0, 10], [20, 255]])


def test_values_before_the_first_take_the_first():
    frame = read_frame(with_palette([[7, 8, 9, 10]] * 3, first=2))
    np.testing.assert_array_equal(frame.values[..., 0], [[7, 7], [7, 8]])


@pytest.mark.parametrize("name", ["examples_palette.dcm", "OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm"])
def test_real_palettes_agree_with_pydicom(name, shared_data):
    file = (
        shared_data / "pydicom-data" / name
        if (shared_data / "pydicom-data" / name).exists()
        else get_testdata_file(name)
    )
    source = pydicom.dcmread(file)
    theirs = apply_color_lut(pixel_array(source), source)
    theirs = theirs >> 8 if theirs.dtype == np.uint16 and theirs.max() > 255 else theirs
    np.testing.assert_array_equal(read_frame(file).values, theirs)


def test_segments_are_written_out():
    discrete = [0, 3, 10, 20, 30]
    linear = [1, 4, 50]
    np.testing.assert_array_equal(expand_segments(discrete + linear), [10, 20, 30, 35, 40, 45, 50])
    # The indirect segment repeats one segment, from the start of the first.
    np.testing.assert_array_equal(expand_segments([*discrete, 2, 1, 0, 0]), [10, 20, 30, 10, 20, 30])


def test_a_segmented_palette_is_applied():
    frame = read_frame(with_palette([[0, 1, 0, 1, 3, 0xFF00]] * 3, segmented=True))
    np.testing.assert_array_equal(frame.values[..., 0], [[0, 0x55], [0xAA, 0xFF]])


@pytest.mark.parametrize(
    "broken", [[], [0, 9, 1], [1, 3, 5], [2, 1, 0, 0], [3, 1, 1], [0, 1, 5, 1, 65535, 9, 1, 65535, 5]]
)
def test_broken_segments_are_refused(broken):
    with pytest.raises(FileRefused) as caught:
        expand_segments(broken)
    assert caught.value.code is Outcome.BAD_GEOMETRY


def test_a_missing_palette_is_refused_by_name():
    with pytest.raises(FileRefused, match="GreenPaletteColorLookupTableDescriptor"):
        read_frame(with_palette([[0, 1, 2, 3]] * 3, drop="Green"))
