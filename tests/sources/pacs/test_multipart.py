from __future__ import annotations

from collections.abc import Iterator
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.sources.pacs.multipart import CutShort, Malformed, boundary_of, parts

BOUNDARY = b"b0"


def message(
    contents: list[bytes], *, preamble: bytes = b"", headers: bytes = b"Content-Type: application/dicom\r\n"
) -> bytes:
    body = b"".join(b"--b0\r\n" + headers + b"\r\n" + content + b"\r\n" for content in contents)
    return preamble + body + b"--b0--\r\n"


def blocks(text: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def read(text: bytes, size: int = 7, **more: bool) -> list[bytes]:
    return [b"".join(part) for part in parts(blocks(text, size), BOUNDARY, **more)]


contents = st.lists(
    st.binary(max_size=60).map(lambda raw: raw.replace(b"--b0", b"--b1"))
    | st.sampled_from([b"", b"\r\n", b"\r\n--b", b"-"]),
    max_size=5,
)


@given(contents, st.integers(1, 40), st.sampled_from([b"", b"preamble\r\n", b"\r\n"]))
def test_parts_come_back_whatever_the_blocks(files: list[bytes], size: int, preamble: bytes):
    assert read(message(files, preamble=preamble), size) == files


@given(contents.filter(bool), st.integers(1, 40), st.data())
def test_a_cut_message_gives_whole_parts_and_then_an_error(files: list[bytes], size: int, data: st.DataObject):
    whole = message(files)
    cut = data.draw(st.integers(0, len(whole) - len(b"\r\n--b0--\r\n")))
    got = []
    with pytest.raises(CutShort):
        for part in parts(blocks(whole[:cut], size), BOUNDARY):
            got.append(b"".join(part))
    assert got == files[: len(got)] and len(got) < len(files)


def test_a_last_part_without_closing_boundary_is_whole_where_the_transport_tells_cuts():
    text = message([b"one", b"two"])[: -len(b"\r\n--b0--\r\n")]
    assert read(text, ends_safely=True) == [b"one", b"two"]
    with pytest.raises(CutShort):
        read(text)


def test_a_part_that_is_not_read_is_passed_over():
    got = [number for number, _ in enumerate(parts(blocks(message([b"a" * 50, b"b", b"c" * 9]), 5), BOUNDARY))]
    assert got == [0, 1, 2]


def test_what_the_standard_library_writes_is_read():
    written = MIMEMultipart("related", boundary="b0")
    files = [bytes(range(256)), b"DICM" * 9]
    for content in files:
        written.attach(MIMEApplication(content, "dicom", _encoder=lambda part: None))
    text = message(files, headers=b"MIME-Version: 1.0\r\nContent-Type: application/dicom\r\nContent-Length: 36\r\n")
    assert read(text) == files and boundary_of(str(written["Content-Type"]) + '; boundary="b0"') == b"b0"


def test_parts_without_headers_and_padding_after_the_boundary():
    assert read(b"--b0  \r\n\r\nx\r\n--b0\t\r\n\r\n\r\n--b0--") == [b"x", b""]


def test_other_forms_are_refused():
    with pytest.raises(Malformed, match="followed by something else"):
        read(b"--b0x\r\n\r\nbody\r\n--b0--")
    with pytest.raises(Malformed, match="do not end"):
        read(b"--b0\r\n" + b"A: b\r\n" * 20000, size=4096)
    with pytest.raises(CutShort):
        read(b"no boundary at all")


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary="a b"', b"a b"),
        ("Multipart/Related;boundary=abc;type=application/dicom", b"abc"),
        ("application/dicom", None),
        ("", None),
    ],
)
def test_the_boundary_of_a_content_type(kind: str, boundary: bytes | None):
    assert boundary_of(kind) == boundary


def test_a_multipart_type_without_boundary_is_refused():
    with pytest.raises(Malformed, match="no boundary"):
        boundary_of("multipart/related; type=application/dicom")
