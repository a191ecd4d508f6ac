"""Typed access to the attributes of a data set, read from their bytes, forgiving what real archives do to them.

Empty values count as absent, unreadable numbers too; a value is read by the representation that is written in the file,
else by the standard's.
"""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from workbench.dicom.elements import Buffer, Element, Malformed, Syntax, items, walk
from workbench.dicom.tags import NUMBERS, TAGS

_BINARY = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "FL": "f",
    "FD": "d",
    "OF": "f",
    "OD": "d",
    "UV": "Q",
    "SV": "q",
    "OV": "Q",
    "OW": "H",
}


class Span(NamedTuple):
    """Where an item of a sequence lies, and how it is written."""

    start: int
    end: int
    syntax: Syntax


class Attributes:
    """One data set: the root, or an item of a sequence.

    Args:
        buffer: The bytes that hold it.
        elements: Where its elements lie.
        syntax: How it is written.
        charset: Terms of (0008,0005) that hold here, where the data set has none of its own.
    """

    def __init__(self, buffer: Buffer, elements: dict[int, Element], syntax: Syntax, charset: tuple[str, ...] = ()):
        self.buffer = buffer
        self.elements = elements
        self.syntax = syntax
        self._charset = charset
        self._first: dict[str, Attributes | None] = {}
        self._texts: dict[str, str] = {}

    @classmethod
    def empty(cls) -> Attributes:
        """A data set without elements."""
        return cls(b"", {}, Syntax(True, True))

    def __contains__(self, keyword: str) -> bool:
        element = self.elements.get(NUMBERS[keyword])
        return element is not None and (element.end > element.start)

    def element(self, keyword: str) -> Element | None:
        """Where a value lies, or None."""
        return self.elements.get(NUMBERS[keyword])

    def raw(self, keyword: str) -> bytes:
        """The bytes of a value as written."""
        element = self.elements.get(NUMBERS[keyword])
        return b"" if element is None else bytes(self.buffer[element.start : element.end])

    def vr(self, keyword: str) -> str:
        """The value representation: as written, else the standard's."""
        element = self.element(keyword)
        written = element.vr if element is not None else ""
        return written if written and written != "UN" else TAGS[keyword].vr

    @cached_property
    def charset(self) -> tuple[str, ...]:
        """Terms of Specific Character Set."""
        own = self.raw("SpecificCharacterSet").decode("ascii", "replace").strip(" \0")
        return tuple(term.strip() for term in own.split("\\")) if own else self._charset

    def text(self, keyword: str) -> str:
        """A text without padding; several values stay joined by a backslash."""
        found = self._texts.get(keyword)
        if found is None:
            found = self._texts[keyword] = self._text(self.raw(keyword))
        return found

    def _text(self, raw: bytes) -> str:
        if not raw:
            return ""
        raw = raw.strip(b" \0")
        return raw.decode("ascii") if raw.isascii() else _decode(raw, self.charset).strip()

    def texts(self, keyword: str) -> list[str]:
        """The values of a text, each without padding."""
        text = self.text(keyword)
        return [part.strip() for part in text.split("\\")] if text else []

    def code(self, keyword: str) -> str:
        """The first value of a code string, in capitals."""
        values = self.texts(keyword)
        return values[0].upper() if values else ""

    def numbers(self, keyword: str) -> list[float]:
        """All readable, finite numbers of a value."""
        raw = self.raw(keyword)
        if not raw:
            return []
        vr = self.vr(keyword)
        if vr in _BINARY:
            kind = _BINARY[vr]
            size = struct.calcsize("=" + kind)
            order = "<" if self.syntax.little else ">"
            values = struct.unpack(f"{order}{len(raw) // size}{kind}", raw[: len(raw) // size * size])
            return [float(value) for value in values if value == value and abs(value) != float("inf")]
        found = []
        for part in raw.decode("ascii", "replace").strip(" \0").split("\\"):
            try:
                value = float(part.strip(" \0").replace(",", "."))
            except ValueError:
                continue
            if value == value and abs(value) != float("inf"):
                found.append(value)
        return found

    def number(self, keyword: str) -> float | None:
        """The first readable number, or None."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def integer(self, keyword: str) -> int | None:
        """The first readable number as an integer, or None."""
        found = self.number(keyword)
        return None if found is None else round(found)

    def words(self, keyword: str) -> list[int]:
        """A value's 16-bit words as unsigned integers, whatever representation it was given."""
        raw = self.raw(keyword)
        order = "<" if self.syntax.little else ">"
        return list(struct.unpack(f"{order}{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))

    def items(self, keyword: str) -> list[Attributes]:
        """The items of a sequence; none where it is absent or cannot be read."""
        try:
            return [self.parsed(span) for span in self.spans(keyword)]
        except Malformed:
            return []

    def item(self, keyword: str) -> Attributes | None:
        """The first item of a sequence, or None; parsed once."""
        if keyword not in self._first:
            spans = self.spans(keyword)
            try:
                self._first[keyword] = self.parsed(spans[0]) if spans else None
            except Malformed:
                self._first[keyword] = None
        return self._first[keyword]

    def spans(self, keyword: str) -> list[Span]:
        """Where the items of a sequence lie; none where it is absent or cannot be read."""
        element = self.element(keyword)
        if element is None or element.end <= element.start:
            return []
        try:
            return [Span(start, end, element.syntax) for start, end in items(self.buffer, element)]
        except Malformed:
            return []

    def parsed(self, span: Span) -> Attributes:
        """The item at a place that ``spans`` told.

        Raises:
            Malformed: It cannot be read.
        """
        elements, _ = walk(self.buffer, span.start, span.end, span.syntax, depth=1)
        return Attributes(self.buffer, elements, span.syntax, self.charset)


def _decode(raw: bytes, charset: tuple[str, ...]) -> str:
    if not charset or charset[0] == "ISO_IR 192":
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        return decode_bytes(raw, convert_encodings(list(charset)), {ord(sign) for sign in "\\^="})
    except (LookupError, UnicodeDecodeError):
        return raw.decode("latin-1")
