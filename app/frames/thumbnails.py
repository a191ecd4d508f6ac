"""Small pictures for lists: JPEG, in the window that the file suggests, kept in memory only."""

from __future__ import annotations

import io
import math
import threading
from dataclasses import replace
from functools import lru_cache

import numpy as np

from app.catalogue import Catalogue
from app.frames.opened import OpenFiles
from workbench.dicom import Frame, as_displayed

SIDE = 224
QUALITY = 85
KEPT = 6000
AT_ONCE = threading.BoundedSemaphore(3)
"""Large radiographs take a hundred megabytes while they are shrunk; a screenful of them must not be done at once."""
_files = OpenFiles()


def thumbnail(found: Catalogue, scan_id: str) -> bytes:
    """A scan as JPEG, its longest side at most 224 pixels.

    Raises:
        WorkbenchError: The scan is unknown, its file gone, or not to be decoded.
    """
    return _thumbnail(found, scan_id)


@lru_cache(maxsize=KEPT)
def _thumbnail(found: Catalogue, scan_id: str) -> bytes:
    row = found.row(scan_id)
    with AT_ONCE:
        frame, _, _ = _files.frame(found.cohort.path_of(str(row["path_key"])), int(row["frame"]))
        return draw(frame)


def draw(frame: Frame) -> bytes:
    """A frame as a small JPEG, with the shape of its pixels taken into account."""
    from PIL import Image

    height, width = frame.values.shape[:2]
    step = max(1, math.ceil(max(height, width) / (3 * SIDE)))
    small = replace(frame, values=frame.values[::step, ::step], padding=frame.padding[::step, ::step])
    shown = as_displayed(small)
    if shown.ndim == 2:
        shown = np.where(small.padding, np.float32(0), shown)
    image = Image.fromarray(np.rint(255 * shown).astype(np.uint8))
    tall, wide = height * frame.aspect, float(width)
    scale = SIDE / max(tall, wide)
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    image = image.resize(size, Image.Resampling.BOX if max(image.size) > max(size) else Image.Resampling.BILINEAR)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
