"""The bytes of a picture: are there as many as the header promises, and where does each frame lie?"""

from __future__ import annotations

import struct

from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.parsing import Parsed
from workbench.dicom.pixel_format import PixelFormat

ITEM, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
MAX_SLACK_BYTES = 1024


def check_bytes(parsed: Parsed, form: PixelFormat) -> None:
    """Compare the bytes that are there with those that the header promises, without decoding.

    Raises:
        FileRefused: ``truncated`` with both numbers, or ``bad_geometry`` where there are frames more than promised.
    """
    if parsed.native:
        _check_native(parsed, form)
    else:
        _check_fragments(parsed, form)


def _check_native(parsed: Parsed, form: PixelFormat) -> None:
    element = parsed.pixels
    assert element is not None
    needed = (form.frame_bits * form.frames + 7) // 8
    present = min(element.end, len(parsed.root.buffer)) - element.start
    if present < needed:
        raise FileRefused(Outcome.TRUNCATED, f"{present:,} of {needed:,} bytes of picture present")
    if element.end > len(parsed.root.buffer) and element.end - element.start > needed + MAX_SLACK_BYTES:
        promised = element.end - element.start
        raise FileRefused(Outcome.TRUNCATED, f"{present:,} of {promised:,} bytes of picture present")
    excess = present - needed
    frame = max(1, form.frame_bits // 8)
    if excess > 1 and excess > min(MAX_SLACK_BYTES, frame // 8):
        raise FileRefused(
            Outcome.BAD_GEOMETRY,
            f"{form.rows} x {form.columns} pixels and {form.frames:,} frames need {needed:,} bytes, "
            f"but there are {present:,}",
        )


def _check_fragments(parsed: Parsed, form: PixelFormat) -> None:
    offsets, fragments, complete, missing = fragments_of(parsed)
    if missing:
        raise FileRefused(Outcome.TRUNCATED, f"a fragment lacks {missing:,} bytes")
    if not fragments:
        raise FileRefused(Outcome.TRUNCATED, "no compressed picture data")
    if not complete and form.frames > len(fragments):
        raise FileRefused(Outcome.TRUNCATED, f"{len(fragments):,} of {form.frames:,} frames present")
    if len(fragments) < form.frames:
        raise FileRefused(
            Outcome.BAD_GEOMETRY, f"the header promises {form.frames:,} frames, but there are {len(fragments):,}"
        )
    if offsets and len(offsets) != form.frames:
        raise FileRefused(
            Outcome.BAD_GEOMETRY, f"the header promises {form.frames:,} frames, the offset table names {len(offsets):,}"
        )


def fragments_of(parsed: Parsed) -> tuple[list[int], list[tuple[int, int]], bool, int]:
    """The encapsulated pixel data's parts (PS3.5 A.4).

    Returns:
        Offsets of the basic offset table; where each fragment lies (start, end); whether the closing delimiter is
        there; and how many bytes the last fragment lacks.
    """
    element, buffer = parsed.pixels, parsed.root.buffer
    assert element is not None
    end = min(element.end, len(buffer))
    position = element.start
    found: list[tuple[int, int]] = []
    complete, missing = False, 0
    while position + 8 <= end:
        high, low, length = struct.unpack_from("<HHI", buffer, position)
        position += 8
        if (high, low) == SEQUENCE_END:
            complete = True
            break
        if (high, low) != ITEM:
            raise FileRefused(Outcome.DAMAGED, "a fragment is missing its head")
        if position + length > end:
            missing = position + length - end
            break
        found.append((position, position + length))
        position += length
    offsets: list[int] = []
    if found:
        start, stop = found[0]
        offsets = list(struct.unpack(f"<{(stop - start) // 4}I", buffer[start : start + (stop - start) // 4 * 4]))
    return offsets, found[1:], complete, missing


def encapsulated(parsed: Parsed) -> bytes:
    """The encapsulated pixel data as pydicom's decoders want them: every item, without the closing delimiter."""
    element = parsed.pixels
    assert element is not None
    return bytes(parsed.root.buffer[element.start : min(element.end, len(parsed.root.buffer))])
