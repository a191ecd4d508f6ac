"""Palette colour to RGB (PS3.3 C.7.6.3.1.5, C.7.9), plain and segmented."""

from __future__ import annotations

import numpy as np

from workbench.dicom.attributes import Attributes
from workbench.dicom.lookup_table import LookupTable, read_table
from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.tags import name

COLOURS = ("Red", "Green", "Blue")
MAX_ENTRIES = 65536


def apply_palette(values: np.ndarray, root: Attributes) -> np.ndarray:
    """Turn palette indices into colour.

    Args:
        values: Stored values, ``(rows, columns)``.
        root: The data set that holds the palette.

    Returns:
        RGB, ``(rows, columns, 3)``, uint8: of palettes of 16 bits the upper eight.

    Raises:
        FileRefused: ``bad_geometry`` where the palette is absent or cannot be read.
    """
    channels = []
    for colour in COLOURS:
        table = _table(root, colour)
        outputs = table.table.astype(np.uint16)
        declared = root.words(f"{colour}PaletteColorLookupTableDescriptor")[2]
        if declared > 8 and outputs.max() > 255:
            outputs = outputs >> 8
        places = np.clip(values.astype(np.int64) - table.first, 0, len(outputs) - 1)
        channels.append(outputs[places].astype(np.uint8))
    return np.stack(channels, axis=-1)


def _table(root: Attributes, colour: str) -> LookupTable:
    descriptor = f"{colour}PaletteColorLookupTableDescriptor"
    segmented = f"Segmented{colour}PaletteColorLookupTableData"
    if segmented in root:
        words = root.words(descriptor)
        if len(words) >= 3:
            return LookupTable(_signed(words[1], root), expand_segments(root.words(segmented)), words[2])
    table = read_table(
        root,
        lowest=-1 if root.integer("PixelRepresentation") == 1 else 0,
        highest=2**16,
        descriptor=descriptor,
        data=f"{colour}PaletteColorLookupTableData",
    )
    if table is None:
        raise FileRefused(Outcome.BAD_GEOMETRY, f"{name(descriptor)} or its data cannot be read")
    return table


def _signed(first: int, root: Attributes) -> int:
    return first - 2**16 if first >= 2**15 and root.integer("PixelRepresentation") == 1 else first


def expand_segments(words: list[int]) -> np.ndarray:
    """Write a segmented palette out (PS3.3 C.7.9.2): discrete, linear and indirect segments.

    Args:
        words: The segmented data as 16-bit words.

    Raises:
        FileRefused: ``bad_geometry`` where the segments are not what they say.
    """
    found: list[int] = []
    starts: list[int] = []
    _expand(words, 0, None, found, starts, nested=False)
    if not found:
        raise FileRefused(Outcome.BAD_GEOMETRY, "the segmented palette is empty")
    return np.array(found, np.uint16)


def _expand(words: list[int], place: int, count: int | None, found: list[int], starts: list[int], *, nested: bool):
    problem = FileRefused(Outcome.BAD_GEOMETRY, "the segmented palette cannot be read")
    done = 0
    while place + 1 < len(words) and (count is None or done < count):
        kind, length = words[place], words[place + 1]
        if not nested:
            starts.append(place)
        if kind == 0 and place + 2 + length <= len(words):
            found += words[place + 2 : place + 2 + length]
            place += 2 + length
        elif kind == 1 and found and place + 2 < len(words):
            begin, end = found[-1], words[place + 2]
            found += [round(begin + (end - begin) * step / length) for step in range(1, length + 1)]
            place += 3
        elif kind == 2 and not nested and place + 3 < len(words):
            target = words[place + 2] | words[place + 3] << 16
            if target not in starts[:-1]:
                raise problem
            _expand(words, target, length, found, starts, nested=True)
            place += 4
        else:
            raise problem
        if len(found) > MAX_ENTRIES:
            raise problem
        done += 1
