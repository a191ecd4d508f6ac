import io
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from tests.dicom.making import BIG, DEFLATED, IMPLICIT, dataset, encode, picture
from workbench.dicom import FileRefused, Outcome, parsing, read_frame
from workbench.dicom.parsing import load, parse

PIXELS = np.arange(64, dtype=np.int16).reshape(8, 8)
CT = picture(PIXELS)
EXPLICIT = "1.2.840.10008.1.2.1"


def refused(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        parse(content)
    return caught.value


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_every_uncompressed_syntax_gives_the_same_picture(syntax):
    content = picture(PIXELS, syntax=syntax)
    parsed = parse(content)
    assert parsed.native and parsed.preamble and parsed.transfer_syntax == syntax
    np.testing.assert_array_equal(read_frame(content).values, PIXELS)


def test_a_file_without_preamble_is_read():
    parsed = parse(CT[132:])
    assert not parsed.preamble and parsed.root.integer("Rows") == 8


@pytest.mark.parametrize(("syntax", "guessed"), [(EXPLICIT, EXPLICIT), (IMPLICIT, IMPLICIT), (BIG, BIG)])
def test_a_data_set_alone_is_read(syntax, guessed):
    whole = picture(PIXELS, syntax=syntax)
    length = int.from_bytes(whole[140:144], "little")
    parsed = parse(whole[144 + length :])
    assert parsed.transfer_syntax == guessed and not parsed.preamble
    np.testing.assert_array_equal(read_frame(whole[144 + length :]).values, PIXELS)


def test_bytes_win_over_a_transfer_syntax_that_contradicts_them():
    implicit = picture(PIXELS, syntax=IMPLICIT)
    explicit_start, implicit_start = (144 + int.from_bytes(file[140:144], "little") for file in (CT, implicit))
    for claimed in (CT[:explicit_start] + implicit[implicit_start:], implicit[:implicit_start] + CT[explicit_start:]):
        assert parse(claimed).root.integer("Rows") == 8


UNDEFINED = b"\xff\xff\xff\xff"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize(
    "odd",
    [
        b"\x09\x00\x10\x10UN\0\0" + UNDEFINED + b"no items here!!!" + END,
        b"\x08\x00\x40\x11SQ\0\0" + UNDEFINED + b"\xfe\xff\x00\xe0" + UNDEFINED
        + b"\x40\x00\x20\xa0\x04\x00\x00\x00abcd" + b"\xfe\xff\x0d\xe0\0\0\0\0" + END,
    ],
    ids=["a maker's element that holds no items", "an item without representations in a file that has them"],
)  # fmt: skip
def test_a_sequence_that_cannot_be_read_costs_itself_only(odd):
    place = CT.index(b"\x10\x00\x20\x00LO")
    content = CT[:place] + odd + CT[place:]
    parsed = parse(content)
    assert parsed.root.integer("Rows") == 8 and parsed.root.text("PatientID") == "MRN-0815"
    np.testing.assert_array_equal(read_frame(content).values, PIXELS)


def test_an_element_of_no_known_kind_is_damage():
    broken = encode(dataset(PIXELS, Manufacturer="Maker")).replace(b"\x08\x00\x70\x00LO", b"\x08\x00\x70\x00??")
    refusal = refused(broken)
    assert (refusal.code, refusal.detail) == (Outcome.DAMAGED, "a value representation that does not exist")


def test_a_file_cut_in_its_header_is_truncated():
    assert refused(CT[:300]).code is Outcome.TRUNCATED


def test_a_damaged_header_is_said_to_be_damaged():
    content = bytearray(CT)
    place = content.index(b"\x28\x00\x10\x00US")
    content[place + 4 : place + 6] = b"\x01\x02"
    assert refused(bytes(content)).code in (Outcome.DAMAGED, Outcome.TRUNCATED)


@pytest.mark.parametrize(
    ("content", "code", "detail"),
    [
        (b"", Outcome.EMPTY, ""),
        (b"hello", Outcome.NOT_DICOM, "looks like: text"),
        (b"PK\x03\x04" + b"\0" * 300, Outcome.ARCHIVE, "looks like: zip"),
        (b"\x08\0\x05\0\x0a\0\0\0" + b"\xff" * 40, Outcome.NOT_DICOM, "looks like: unknown"),
        (b"\x08\0\x60\0CS\x02\0CT", Outcome.NOT_DICOM, "looks like: unknown"),
    ],
)
def test_what_is_no_dicom_is_named(content, code, detail):
    refusal = refused(content)
    assert (refusal.code, refusal.detail) == (code, detail)


def _deflated(data: bytes) -> bytes:
    """A deflated file around a data set that is given deflated."""
    whole = picture(PIXELS, syntax=DEFLATED)
    length = int.from_bytes(whole[140:144], "little")
    return whole[: 144 + length] + data


def test_a_deflated_file_may_not_grow_without_limit(monkeypatch):
    monkeypatch.setattr(parsing, "MAX_INFLATION", 2)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(b"\0" * (8 * 2**20)) + packer.flush()
    assert refused(_deflated(bomb)).code is Outcome.TOO_BIG
    assert refused(_deflated(b"\xff" * 20)).code is Outcome.DAMAGED
    good = picture(PIXELS, syntax=DEFLATED)
    assert refused(good[:-20]).code is Outcome.TRUNCATED


def test_loading_says_why_it_fails(tmp_path):
    for path, detail in ((tmp_path / "absent", "no such file"), (tmp_path, "not a regular file")):
        with pytest.raises(FileRefused) as caught:
            load(path)
        assert (caught.value.code, caught.value.detail) == (Outcome.UNREADABLE, detail)


def test_a_large_file_is_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing, "MAP_BYTES", 100)
    file = tmp_path / "a.dcm"
    file.write_bytes(CT)
    assert not isinstance(load(file), bytes)
    np.testing.assert_array_equal(read_frame(file).values, PIXELS)


def test_pydicoms_own_odd_files_are_read_or_refused():
    for name, rows in (("MR_small_padded.dcm", 64), ("UN_sequence.dcm", None), ("no_meta_group_length.dcm", None)):
        with open(get_testdata_file(name), "rb") as stream:  # noqa: PTH123
            parsed = parse(stream.read())
        assert parsed.root.integer("Rows") == rows
    with open(get_testdata_file("rtplan_truncated.dcm"), "rb") as stream:  # noqa: PTH123
        assert refused(stream.read()).code is Outcome.TRUNCATED


def test_pydicom_reads_what_the_test_writes():
    assert pydicom.dcmread(io.BytesIO(CT)).Rows == 8
