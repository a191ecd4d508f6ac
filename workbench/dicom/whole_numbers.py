"""Values that are whole, in the narrowest of the two number types that pictures are kept and compared in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def whole_numbers(
    values: NDArray[Any], extremes: tuple[float, float] | None = None, *, known_whole: bool = False
) -> NDArray[Any] | None:
    """The values as int16 or uint16, the first that holds them all exactly; None where neither does.

    Args:
        values: Floating-point numbers, any shape.
        extremes: The smallest and the largest of them, where they are known.
        known_whole: The caller knows that all are whole, so only their range is looked at.
    """
    if not values.size:
        return None
    if not known_whole and values.flat[0] != np.rint(values.flat[0]):  # most fractions are found out here
        return None
    low, high = extremes or (values.min(), values.max())
    for kind in (np.int16, np.uint16):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            found = values.astype(kind)
            return found if known_whole or np.array_equal(found, values) else None
    return None
