"""Data elements in a buffer: where each one lies (PS3.5 section 7). Nothing is copied and no value is read here."""

from __future__ import annotations

import mmap
import struct
from typing import NamedTuple, TypeAlias

from workbench.dicom.tags import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, PIXEL_DATA

Buffer: TypeAlias = "bytes | bytearray | mmap.mmap"

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
MAX_DEPTH = 60
_LONG = {name: name.decode() for name in (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN")}
_LONG |= {name: name.decode() for name in (b"UR", b"UT", b"UV")}
_SHORT = {name: name.decode() for name in (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS")}
_SHORT |= {
    name: name.decode() for name in (b"LO", b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US")
}
_PIXELS = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})
_HEADS = {
    little: tuple(struct.Struct(order + form).unpack_from for form in ("HHI", "HH2sH", "I"))
    for little, order in ((True, "<"), (False, ">"))
}
"""By byte order: the head of an implicit element, that of an explicit one, and the length that follows a long one."""
FIRST_SPECIAL = 0x7FE0
"""Groups from here on are pixel data, paddings and delimiters."""


class Malformed(Exception):
    """The bytes do not follow the rules; another reader may still make sense of them."""


class CutShort(Malformed):
    """An element ends after the buffer does."""


class Syntax(NamedTuple):
    """How elements are written: with explicit value representations or without, and in which byte order."""

    explicit: bool
    little: bool


class Element(NamedTuple):
    """Where a value lies.

    Attributes:
        vr: Value representation as written, or empty where it is implicit.
        start: Where the value begins.
        end: Where it ends; beyond the buffer's end for pixel data that were cut short.
        undefined: Whether its length was left undefined.
        syntax: How its items are written, if it is a sequence.
    """

    vr: str
    start: int
    end: int
    undefined: bool
    syntax: Syntax


def walk(
    buffer: Buffer, start: int, end: int, syntax: Syntax, *, depth: int = 0, group: int | None = None
) -> tuple[dict[int, Element], int]:
    """Find the elements of one data set.

    Args:
        buffer: The bytes.
        start: Where the first element begins.
        end: Where the data set must end.
        syntax: How it is written.
        depth: How many sequences lie around it. The outermost data set ends with its pixel data.
        group: Stop before the first element of another group.

    Returns:
        Elements by tag, and the position behind the last one.

    Raises:
        CutShort: The last element is not complete.
        Malformed: The bytes are no elements.
    """
    if depth > MAX_DEPTH:
        raise Malformed("sequences lie too deep in each other")
    explicit, heads = syntax.explicit, _HEADS[syntax.little]
    implicit_head, explicit_head, long_length = heads
    unknown = Syntax(False, True)
    new, short_name = tuple.__new__, _SHORT.get  # ``new`` is three times as fast as calling Element
    found: dict[int, Element] = {}
    position = start
    while position < end:
        if position + 8 > end:
            raise CutShort("an element's head is not complete")
        name = ""
        if explicit:
            high, low, vr, length = explicit_head(buffer, position)
            name = short_name(vr, "")
            if name and high < FIRST_SPECIAL and group is None:  # nearly all elements: on to the next without asking
                position += 8
                last = position + length
                if last > end:
                    raise CutShort("a value is not complete")
                found[high << 16 | low] = new(Element, (name, position, last, False, syntax))
                position = last
                continue
        else:
            high, low, length = implicit_head(buffer, position)
        if group is not None and high != group:
            break
        if high == 0xFFFE:
            if low == 0xE00D and depth > 0:
                return found, position + 8
            raise Malformed("a delimiter where an element should be")
        position += 8
        if explicit and not name:
            name = _LONG.get(vr, "")
            if not name:
                if not (vr.isalpha() and vr.isupper()):
                    raise Malformed("a value representation that does not exist")
                name = vr.decode()  # PS3.5 6.2: new ones will take the long form
            if position + 4 > end:
                raise CutShort("an element's head is not complete")
            (length,) = long_length(buffer, position)
            position += 4
        tag = high << 16 | low
        last = position + length
        inner = unknown if name == "UN" else syntax  # PS3.5 6.2.2: its items are written without representations
        if length == UNDEFINED:
            if tag == PIXEL_DATA:
                inner, last = syntax, end if depth == 0 else _skip_fragments(buffer, position, end)
            else:
                last = _skip_sequence(buffer, position, end, inner, depth)
            found[tag] = Element(name, position, last, True, inner)
        elif last > end and not (tag in _PIXELS and depth == 0):
            raise CutShort("a value is not complete")
        else:
            found[tag] = new(Element, (name, position, last, False, inner))
        position = last
        if tag in _PIXELS and depth == 0:
            break
    return found, position


def items(buffer: Buffer, element: Element) -> list[tuple[int, int]]:
    """Where the items of a sequence lie, without their heads and delimiters.

    Raises:
        Malformed: The value is no sequence.
    """
    found: list[tuple[int, int]] = []
    _each_item(buffer, element.start, element.end, element.syntax, 1, found, bounded=not element.undefined)
    return found


def _skip_sequence(buffer: Buffer, start: int, end: int, syntax: Syntax, depth: int) -> int:
    """The end of a sequence of undefined length; one that cannot be read costs itself only, not the file."""
    try:
        return _each_item(buffer, start, end, syntax, depth + 1, None, bounded=False)
    except CutShort:
        raise
    except Malformed:
        mark = b"\xfe\xff\xdd\xe0\0\0\0\0" if syntax.little else b"\xff\xfe\xe0\xdd\0\0\0\0"
        found = buffer.find(mark, start, end) if depth == 0 else -1
        if found < 0:
            raise
        return found + len(mark)


def _each_item(
    buffer: Buffer,
    start: int,
    end: int,
    syntax: Syntax,
    depth: int,
    found: list[tuple[int, int]] | None,
    *,
    bounded: bool,
) -> int:
    head = struct.Struct(("<" if syntax.little else ">") + "HHI")
    position = start
    while position < end:
        if position + 8 > end:
            raise CutShort("an item's head is not complete")
        high, low, length = head.unpack_from(buffer, position)
        tag = high << 16 | low
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM:
            raise Malformed("no item where one should be")
        if length == UNDEFINED:
            _, last = walk(buffer, position, end, syntax, depth=depth)
        else:
            last = position + length
            if last > end:
                raise CutShort("an item is not complete")
        if found is not None:
            found.append((position, last))
        position = last
    if not bounded:
        raise CutShort("a sequence has no end")
    return position


def _skip_fragments(buffer: Buffer, start: int, end: int) -> int:
    position = start
    while position + 8 <= end:
        high, low, length = struct.unpack_from("<HHI", buffer, position)
        position += 8
        if (high, low) == (0xFFFE, 0xE0DD):
            return position
        if (high, low) != (0xFFFE, 0xE000) or length == UNDEFINED:
            raise Malformed("no fragment where one should be")
        position += length
    raise CutShort("compressed picture data have no end")
