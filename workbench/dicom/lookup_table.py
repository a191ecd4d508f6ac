"""Lookup tables of the modality and VOI steps and of palettes (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.dicom.attributes import Attributes


@dataclass(frozen=True)
class LookupTable:
    """A table from input values to output values.

    Attributes:
        first: The input value of the first entry; smaller inputs take that entry too, larger ones the last.
        table: Output values, ``(entries,)``, unsigned.
        bits: Depth of the output: the declared one, but the data's own where they use at least two bits fewer, for
            some makers declare 16 bits over 12-bit data.
        explanation: What the file calls it.
    """

    first: int
    table: np.ndarray
    bits: int
    explanation: str = ""

    @property
    def top(self) -> int:
        """The largest output value that its depth can hold."""
        return 2**self.bits - 1

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Look values up.

        Args:
            values: Input values, any shape; fractions are rounded.

        Returns:
            Output values as float32, same shape.
        """
        indices = values if values.dtype.kind in "iu" else np.rint(values)
        places = np.clip(indices.astype(np.int64) - self.first, 0, len(self.table) - 1)
        return self.table[places].astype(np.float32)


def read_table(
    item: Attributes, *, lowest: float, highest: float, descriptor: str = "LUTDescriptor", data: str = "LUTData"
) -> LookupTable | None:
    """Read a table.

    The second value of the descriptor is signed where the input may be negative (PS3.3 C.11.2.1.1), whatever implicit
    files and careless writers make of it; the data are 16-bit words in the file's byte order, or packed bytes.

    Args:
        item: The item that holds it.
        lowest: The smallest input possible.
        highest: The largest input possible.
        descriptor: Keyword of its descriptor.
        data: Keyword of its data.

    Returns:
        The table, or None where it is absent or cannot be one.
    """
    words = item.words(descriptor)
    raw = item.raw(data)
    if len(words) < 3 or not raw:
        return None
    entries = words[0] or 65536
    first = words[1]
    written = item.element(descriptor)
    signed = written is not None and written.vr == "SS"
    unknown = written is not None and written.vr in ("", "UN")
    if first >= 2**15 and (signed or (lowest < 0 and (unknown or first > highest))):
        first -= 2**16
    table = _entries(raw, entries, words[2], little=item.syntax.little)
    if not len(table):
        return None
    declared = words[2] if 1 <= words[2] <= 16 else 16
    own = max(8, int(table.max()).bit_length())
    bits = own if own > declared or own <= declared - 2 else declared
    return LookupTable(first, table, bits, item.text("LUTExplanation"))


def _entries(raw: bytes, entries: int, declared_bits: int, *, little: bool) -> np.ndarray:
    """The table's data, which are words, or bytes packed two to a word (one more where their number is odd)."""
    if len(raw) >= 2 * entries or declared_bits > 8:
        words = np.frombuffer(raw, "<u2" if little else ">u2", len(raw) // 2)[:entries].astype(np.uint16)
        if declared_bits <= 8 and len(words) and words.max() > 255 and not (words & 0xFF).any():
            return words >> 8
        return words
    if not little and len(raw) % 2 == 0:
        return np.frombuffer(raw, ">u2").astype("<u2").view(np.uint8)[:entries].astype(np.uint16)
    return np.frombuffer(raw, np.uint8)[:entries].astype(np.uint16)
