"""Polarity: which end of the values is bright. Training copies are all MONOCHROME2: larger is brighter."""

from __future__ import annotations

import numpy as np

from workbench.dicom.attributes import Attributes


def is_inverted(root: Attributes) -> bool:
    """Whether larger values are shown darker: by Presentation LUT Shape where it is given, else by MONOCHROME1.

    highdicom follows the same rule; inverting once for each of the two would cancel out.
    """
    shape = root.code("PresentationLUTShape")
    if shape in ("INVERSE", "IDENTITY"):
        return shape == "INVERSE"
    return root.code("PhotometricInterpretation") == "MONOCHROME1"


def invert(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """Swap the two ends of the range that values can have; never the largest value seen, which differs by image.

    Args:
        values: float32, any shape.
        ends: The values that swap, such as 0 and 4095.
    """
    return np.float32(ends[0] + ends[1]) - values


def invert_window(window: tuple[float, float], ends: tuple[float, float]) -> tuple[float, float]:
    """The window that shows inverted values as ``window`` showed the others, inverted.

    Args:
        window: Centre and width for the LINEAR function, whose interval is centred at half a unit below the centre.
        ends: As in ``invert``.
    """
    return ends[0] + ends[1] - window[0] + 1.0, window[1]
