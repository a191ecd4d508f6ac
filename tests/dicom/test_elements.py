import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dicom.making import picture
from workbench.dicom.elements import CutShort, Malformed, Syntax, items, walk
from workbench.dicom.tags import PIXEL_DATA

EXPLICIT, IMPLICIT = Syntax(True, True), Syntax(False, True)
UNDEFINED = b"\xff\xff\xff\xff"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"


def short(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value


def long(group: int, element: int, vr: bytes, value: bytes, length: bytes = b"") -> bytes:
    return struct.pack("<HH2sH", group, element, vr, 0) + (length or struct.pack("<I", len(value))) + value


def item(value: bytes, *, defined: bool = True) -> bytes:
    if defined:
        return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value
    return b"\xfe\xff\x00\xe0" + UNDEFINED + value + ITEM_END


ROWS = short(0x28, 0x10, b"US", b"\x05\0")


def test_elements_are_found_where_they_lie():
    found, end = walk(ROWS + long(0x28, 0x3006, b"OW", b"abcd"), 0, 26, EXPLICIT)
    assert end == 26
    assert found[0x00280010][:3] == ("US", 8, 10)
    assert found[0x00283006][:3] == ("OW", 22, 26)


@pytest.mark.parametrize("defined", [True, False])
@pytest.mark.parametrize("bounded", [True, False])
def test_sequences_are_stepped_over_and_opened(defined, bounded):
    inside = item(ROWS, defined=defined) + item(ROWS + ROWS, defined=defined)
    value = inside if bounded else inside + END
    content = long(0x28, 0x3010, b"SQ", value, b"" if bounded else UNDEFINED) + short(0x32, 1, b"LO", b"ab")
    found, end = walk(content, 0, len(content), EXPLICIT)
    assert end == len(content) and set(found) == {0x00283010, 0x00320001}
    places = items(content, found[0x00283010])
    assert len(places) == 2
    first, _ = walk(content, *places[0], EXPLICIT, depth=1)
    assert first[0x00280010].vr == "US"


def test_a_sequence_of_unknown_kind_is_written_without_representations():
    implicit_rows = b"\x28\0\x10\0\x02\0\0\0\x05\0"
    content = long(0x29, 0x1010, b"UN", item(implicit_rows, defined=False) + END, UNDEFINED)
    found, _ = walk(content, 0, len(content), EXPLICIT)
    element = found[0x00291010]
    assert element.syntax == IMPLICIT
    assert len(items(content, element)) == 1


def test_pixel_data_end_the_walk_even_when_cut_short():
    content = ROWS + long(0x7FE0, 0x10, b"OW", b"12", struct.pack("<I", 100)) + b"rubbish"
    found, _ = walk(content, 0, len(content), EXPLICIT)
    assert found[PIXEL_DATA].end - found[PIXEL_DATA].start == 100


def test_compressed_pixel_data_inside_an_icon_are_stepped_over():
    icon = long(0x7FE0, 0x10, b"OB", item(b"") + item(b"abcd") + END, UNDEFINED)
    content = long(0x88, 0x200, b"SQ", item(icon, defined=False) + END, UNDEFINED) + ROWS
    found, _ = walk(content, 0, len(content), EXPLICIT)
    assert set(found) == {0x00880200, 0x00280010}


def test_a_representation_of_the_future_takes_the_long_form():
    content = long(0x28, 0x9999, b"XY", b"abcd") + ROWS
    found, _ = walk(content, 0, len(content), EXPLICIT)
    assert set(found) == {0x00289999, 0x00280010}


def test_a_group_can_be_read_alone():
    content = short(2, 0x10, b"UI", b"1.2\0") + ROWS
    found, end = walk(content, 0, len(content), EXPLICIT, group=2)
    assert set(found) == {0x00020010} and end == 12


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ROWS[:6], CutShort),
        (ROWS[:9], CutShort),
        (long(0x28, 0x3006, b"OW", b"abcd")[:10], CutShort),
        (long(0x28, 0x3010, b"SQ", item(ROWS), UNDEFINED), CutShort),
        (long(0x28, 0x3010, b"SQ", item(ROWS)[:-2], UNDEFINED), CutShort),
        (long(0x28, 0x3010, b"SQ", b"\xfe\xff\0", UNDEFINED), CutShort),
        (long(0x28, 0x3010, b"SQ", ROWS, UNDEFINED), Malformed),
        (short(0x28, 0x10, b"zz", b"ab"), Malformed),
        (END + ROWS, Malformed),
        (
            long(0x88, 0x200, b"SQ", item(long(0x7FE0, 0x10, b"OB", item(b"ab"), UNDEFINED), defined=False), UNDEFINED),
            Malformed,
        ),
    ],
)
def test_broken_bytes_are_told_apart(content, kind):
    with pytest.raises(kind):
        walk(content, 0, len(content), EXPLICIT)


def test_sequences_in_sequences_have_a_limit():
    content = ROWS
    for _ in range(70):
        content = long(0x28, 0x3010, b"SQ", item(content, defined=False) + END, UNDEFINED)
    with pytest.raises(Malformed):
        walk(content, 0, len(content), EXPLICIT)


WHOLE = picture(np.arange(6, dtype=np.int16).reshape(2, 3))


@given(
    st.integers(132, len(WHOLE) - 1), st.integers(0, 255), st.sampled_from([EXPLICIT, IMPLICIT, Syntax(True, False)])
)
def test_no_change_of_a_byte_raises_anything_else(place, value, syntax):
    content = bytearray(WHOLE)
    content[place] = value
    with contextlib.suppress(Malformed):
        walk(content, 132, len(content), syntax)
