"""What a screen shows: the window or table applied, inverted last and once (PS3.3 C.11). Never used for training."""

from __future__ import annotations

import numpy as np

from workbench.dicom.frame import Frame
from workbench.dicom.lookup_table import LookupTable
from workbench.dicom.polarity import invert
from workbench.dicom.voi import Window

LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.0


def as_displayed(frame: Frame, *, preset: int = 0, window: Window | None = None) -> np.ndarray:
    """The frame as a display shows it.

    Args:
        frame: The frame.
        preset: Which of the file's suggestions: its tables first, then its windows; without any, the 1st to the 99th
            percentile of the pixels outside padding.
        window: A window of the viewer's own instead, in the units of the file's values.

    Returns:
        float32 in [0, 1], ``(rows, columns)``, or ``(rows, columns, 3)`` for colour.
    """
    if frame.colour:
        return np.clip(frame.values / np.float32(2**frame.bits_stored - 1), 0.0, 1.0)
    values = invert(frame.values, frame.ends) if frame.inverted else frame.values
    presets = frame.voi.presets
    chosen = window or (presets[min(preset, len(presets) - 1)] if presets else None)
    if isinstance(chosen, LookupTable):
        shown = np.clip(chosen.apply(values) / np.float32(chosen.top), 0.0, 1.0)
    else:
        shown = (chosen or fallback_window(values, frame.padding)).apply(values)
    return np.float32(1.0) - shown if frame.inverted or frame.display_inverted else shown


def fallback_window(values: np.ndarray, padding: np.ndarray) -> Window:
    """The window from the 1st to the 99th percentile of the pixels that are no padding.

    Args:
        values: ``(rows, columns)``.
        padding: Bool ``(rows, columns)``.
    """
    inside = values[~padding]
    if not inside.size:
        return Window(0.0, 1.0, "LINEAR_EXACT")
    low, high = np.percentile(inside, [LOW_PERCENTILE, HIGH_PERCENTILE])
    if high <= low:
        low, high = float(inside.min()), float(inside.max())
    return Window(float(low + high) / 2, max(float(high - low), 1e-6), "LINEAR_EXACT")
