"""Pixels that fill the matrix and are no part of the picture (PS3.3 C.7.5.1.1.2), found on stored values."""

from __future__ import annotations

import numpy as np

from workbench.dicom.attributes import Attributes
from workbench.dicom.decoding import Stored
from workbench.dicom.pixel_format import PixelFormat

INFERRED_HU = -1500.0
INFERRED_SHARE = 0.005


def declared_padding(stored: Stored, form: PixelFormat, root: Attributes) -> np.ndarray | None:
    """Pixels within the padding range of the header, which runs either way and includes its ends.

    Compared by bit pattern: the attribute may be written as unsigned in a signed picture. Colour has no padding.

    Args:
        stored: The decoded frame.
        form: How the picture is stored.
        root: The root data set.

    Returns:
        Bool ``(rows, columns)``, or None where the header declares none.
    """
    if form.samples != 1 or form.palette:
        return None
    value = _stored_number(root, "PixelPaddingValue", form)
    if value is None:
        return None
    limit = _stored_number(root, "PixelPaddingRangeLimit", form)
    low, high = min(value, limit if limit is not None else value), max(value, limit if limit is not None else value)
    found = _within(stored.values, low, high)
    if stored.words is not None and form.bits_stored < form.bits_allocated:
        signed = stored.words.view(stored.words.dtype.str.replace("u", "i")) if form.signed else stored.words
        found |= _within(signed, low, high)
    return found


def _within(values: np.ndarray, low: int, high: int) -> np.ndarray:
    return values == low if low == high else (values >= low) & (values <= high)


def _stored_number(root: Attributes, keyword: str, form: PixelFormat) -> int | None:
    """The attribute's bits, cut to those allocated and signed as the pixels are."""
    raw = root.raw(keyword)
    width = 4 if root.vr(keyword) in ("UL", "SL") and len(raw) >= 4 else 2
    if len(raw) < width:
        return None
    bits = int.from_bytes(raw[:width], "little" if root.syntax.little else "big")
    if form.bits_allocated < 8 * width:
        bits &= 2**form.bits_allocated - 1
    top = form.bits_allocated if form.bits_allocated < 8 * width else 8 * width
    return bits - 2**top if form.signed and bits >= 2 ** (top - 1) else bits


def inferred_padding(values: np.ndarray) -> np.ndarray | None:
    """The outside of a CT's circle where the header does not declare it: one value, at most -1500 HU, in all corners.

    Args:
        values: HU, ``(rows, columns)``.

    Returns:
        Bool ``(rows, columns)``, or None where there is no such circle: fewer than 0.5 % of the pixels, a corner with
        another value, or a pixel of that value well inside.
    """
    lowest = values[0, 0]
    if lowest > INFERRED_HU:
        return None
    if not (values[0, -1] == lowest and values[-1, 0] == lowest and values[-1, -1] == lowest):
        return None
    found = values == lowest
    if found.mean() < INFERRED_SHARE:
        return None
    rows, columns = values.shape
    down, right = np.ogrid[:rows, :columns]
    inside = ((down - (rows - 1) / 2) / (rows / 2)) ** 2 + ((right - (columns - 1) / 2) / (columns / 2)) ** 2 < 0.5
    return None if found[inside].any() else found
