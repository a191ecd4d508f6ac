import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.dicom.making import picture
from workbench.dicom import Outcome, sniff
from workbench.dicom.sniffing import bare_start, describe

CT = picture(np.zeros((2, 2), np.int16))


def _png() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (2, 2)).save(stream, "PNG")
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (_png(), "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"%PDF-1.7", "PDF"),
        (b"file,label\na.png,1\n", "text"),
        (b"  <!DOCTYPE html><html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (_zip(), "zip"),
        (b"\0" * 344 + b"n+1\0", "NIfTI"),
        (b"\0" * 257 + b"ustar" + b"\0" * 10, "tar"),
        (bytes(range(256)), "unknown"),
    ],
)
def test_kinds_are_named_by_their_first_bytes(content, kind):
    assert describe(content) == kind


def test_pictures_pass_and_others_do_not(tmp_path):
    assert sniff(CT) is None
    assert sniff(CT[132:]) is Outcome.NO_PREAMBLE
    assert sniff(b"") is Outcome.EMPTY
    assert sniff(_zip()) is Outcome.ARCHIVE
    assert sniff(b"hello") is Outcome.NOT_DICOM
    file = tmp_path / "a"
    file.write_bytes(CT)
    assert sniff(file) is None
    assert sniff(tmp_path) is Outcome.UNREADABLE
    assert sniff(tmp_path / "absent") is Outcome.UNREADABLE


def test_starts_without_preamble():
    assert bare_start(CT[132:]) == "explicit"
    assert bare_start(b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100") == "implicit"
    assert bare_start(b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100") == "big"
    assert bare_start(b"\x08\x00\x05\x00\xff\xff\xff\x7f") is None
    assert bare_start(b"\x08\x00") is None
