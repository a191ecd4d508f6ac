"""A multipart message read as it comes (RFC 2046 5.1): one block of memory, however large the parts.

A retrieved study is a message of many files (PS3.18 8.6.1.2). Some servers, Orthanc among them, send it without a
length and close the connection at the end, so only the closing boundary tells a whole file from one that was cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message

MAX_HEADER = 65536


class CutShort(Exception):
    """The message ended before its closing boundary."""


class Malformed(Exception):
    """The message is not what its Content-Type says."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary named by a Content-Type, or None where it is no multipart message.

    Raises:
        Malformed: It is one, and names no boundary.
    """
    message = Message()
    message["Content-Type"] = content_type
    if message.get_content_maintype() != "multipart":
        return None
    boundary = message.get_boundary()
    if not boundary:
        raise Malformed("the server's multipart answer names no boundary")
    return boundary.encode("latin-1", "replace")


def parts(blocks: Iterable[bytes], boundary: bytes, *, ends_safely: bool = False) -> Iterator[Iterator[bytes]]:
    """The parts of a message, each as its bytes come; a part must be read before the next is asked for.

    Args:
        blocks: The message.
        boundary: As in its Content-Type.
        ends_safely: Whether the transport tells a cut message from a whole one, so that a last part without closing
            boundary is whole.

    Raises:
        CutShort: It ends within a part.
        Malformed: A boundary or a header has another form.
    """
    reader = _Reader(iter(blocks), b"\r\n--" + boundary, ends_safely)
    reader.skip_preamble()
    while reader.begin_part():
        part = reader.body()
        yield part
        for _ in part:  # what the caller left unread
            pass


class _Reader:
    def __init__(self, blocks: Iterator[bytes], marker: bytes, ends_safely: bool) -> None:
        self._blocks = blocks
        self._marker = marker
        self._ends_safely = ends_safely
        self._buffer = bytearray(b"\r\n")  # so that a boundary at the very start has its line end too
        self._ended = False

    def _more(self) -> bool:
        for block in self._blocks:
            if block:
                self._buffer += block
                return True
        self._ended = True
        return False

    def skip_preamble(self) -> None:
        """Go behind the first boundary."""
        while (at := self._buffer.find(self._marker)) < 0:
            del self._buffer[: max(0, len(self._buffer) - len(self._marker))]
            if not self._more():
                raise CutShort
        del self._buffer[: at + len(self._marker)]

    def begin_part(self) -> bool:
        """Read the rest of a boundary's line and the part's headers; False behind the closing boundary."""
        while len(self._buffer) < 2:
            if not self._more():
                if not self._ends_safely:
                    raise CutShort  # the part before is whole, but it may not have been the last
                return False
        if self._buffer.startswith(b"--"):
            for _ in self._blocks:  # to the end, so that the connection can be used again
                pass
            return False
        while (line_end := self._buffer.find(b"\r\n")) < 0 and len(self._buffer) < MAX_HEADER:
            if not self._more():
                raise CutShort
        if line_end < 0 or self._buffer[:line_end].strip(b" \t"):
            raise Malformed("a boundary in the server's answer is followed by something else")
        while (end := self._buffer.find(b"\r\n\r\n", line_end)) < 0:
            if len(self._buffer) > MAX_HEADER:
                raise Malformed("the headers of a part of the server's answer do not end")
            if not self._more():
                raise CutShort
        del self._buffer[: end + 4]
        return True

    def body(self) -> Iterator[bytes]:
        """The bytes up to the next boundary."""
        marker = self._marker
        while (at := self._buffer.find(marker)) < 0:
            safe = len(self._buffer) - len(marker) + 1
            if safe > 0:
                yield bytes(self._buffer[:safe])
                del self._buffer[:safe]
            if not self._more():
                if not self._ends_safely:
                    raise CutShort
                if self._buffer:
                    yield bytes(self._buffer)
                self._buffer.clear()
                return
        if at:
            yield bytes(self._buffer[:at])
        del self._buffer[: at + len(marker)]
