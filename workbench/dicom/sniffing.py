"""What a file looks like from its first bytes, before any parser sees it."""

from __future__ import annotations

import struct
from pathlib import Path

from workbench.dicom.outcomes import Outcome

START_BYTES = 1024
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "bitmap"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF", "HDF5"),
    (b"SQLite format 3", "SQLite"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"\xd0\xcf\x11\xe0", "Office document"),
)
ARCHIVES = ("zip", "gzip", "bzip2", "xz", "tar")


def sniff(source: str | Path | bytes) -> Outcome | None:
    """Tell from the first bytes what cannot be a picture.

    Args:
        source: A file, or the beginning of its content.

    Returns:
        None where it may be a DICOM file with the usual start; ``no_preamble`` where it may be one without; else why it
        is none (``empty``, ``archive``, ``not_dicom``, ``unreadable``).
    """
    if isinstance(source, bytes):
        start = source[:START_BYTES]
    else:
        path = Path(source)
        try:
            if not path.is_file():
                return Outcome.UNREADABLE
            with path.open("rb") as stream:
                start = stream.read(START_BYTES)
        except OSError:
            return Outcome.UNREADABLE
    return sniff_start(start)


def sniff_start(start: bytes) -> Outcome | None:
    """As ``sniff``, of the first 1,024 bytes (fewer where the file is shorter)."""
    if not start:
        return Outcome.EMPTY
    if start[128:132] == b"DICM":
        return None
    if bare_start(start) is not None:
        return Outcome.NO_PREAMBLE
    return Outcome.ARCHIVE if describe(start) in ARCHIVES else Outcome.NOT_DICOM


def describe(start: bytes) -> str:
    """The kind of file in a word or two: ``JPEG``, ``text``, ``unknown``, ..."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if start[257:262] == b"ustar":
        return "tar"
    if start[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI"
    head = start[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if head.startswith(b"<?xml"):
        return "XML"
    if head and not any(byte < 9 or 13 < byte < 32 for byte in start[:512]):
        return "text"
    return "unknown"


def bare_start(start: bytes) -> str | None:
    """How a file without preamble begins: ``explicit``, ``implicit`` or ``big`` (explicit, big endian), or None.

    The first element must be of group 0002 or 0008 with a sane representation and length.
    """
    if len(start) < 8:
        return None
    little = struct.unpack_from("<HH", start)
    big = struct.unpack_from(">HH", start)
    vr = start[4:6]
    letters = vr.isalpha() and vr.isupper()
    if little[0] in (0x0002, 0x0008) and little[1] <= 0x0100:
        if letters:
            return "explicit"
        return "implicit" if struct.unpack_from("<I", start, 4)[0] <= 1024 else None
    if big[0] == 0x0008 and big[1] <= 0x0100 and letters:
        return "big"
    return None
