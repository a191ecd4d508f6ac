"""Resampling by the area that pixels share, which is free of aliasing, and by interpolation where pixels are few.

Every output pixel is the mean of the input that it covers, weighted by the covered area (OpenCV's INTER_AREA). The
weights along one direction are a sparse matrix with few entries per row; a picture is resampled by two sparse
products, which takes 0.2 ms from 512 x 512 to 256 x 256.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Picture = NDArray[np.float32]


@lru_cache(maxsize=64)
def weights(length: int, target: int) -> csr_array:
    """The matrix ``(target, length)`` that resamples along one direction; its rows sum to 1.

    Downwards by covered area; upwards by linear interpolation between pixel centres, borders repeated.
    """
    from scipy.sparse import csr_array  # takes a tenth of a second to load, and halving does without

    places = np.arange(target, dtype=np.float64)
    if target <= length:
        step = length / target
        start, end = places * step, (places + 1) * step
        width = int(np.ceil(step)) + 1
        columns = np.floor(start).astype(np.int64)[:, None] + np.arange(width)
        shares = np.minimum(end[:, None], columns + 1) - np.maximum(start[:, None], columns)
        values = np.clip(shares, 0, None) / step
    else:
        centre = (places + 0.5) * length / target - 0.5
        left = np.floor(centre).astype(np.int64)
        columns = left[:, None] + np.arange(2)
        values = np.stack([left + 1 - centre, centre - left], axis=1)
    columns = np.clip(columns, 0, length - 1)
    values[values < 1e-9] = 0  # rounding of the ends: not worth an entry
    rows = np.broadcast_to(np.arange(target)[:, None], columns.shape)
    kept = values > 0
    return csr_array((values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=(target, length))


def resample(picture: Picture, height: int, width: int) -> Picture:
    """Resample ``(rows, columns)`` float32 to ``(height, width)``."""
    result = picture
    rows, columns = picture.shape
    if height != rows:
        factor = rows // height
        if height * factor == rows and factor & (factor - 1) == 0:  # a power of 2: sums of slices give the same numbers
            result = _sum([result[offset::factor] for offset in range(factor)])
            result *= np.float32(1 / factor)
        else:
            result = weights(rows, height) @ result
    if width == columns:
        return result
    factor = columns // width
    if width * factor == columns:  # whole pixels: sums of slices spare turning the picture around
        return _sum([result[:, offset::factor] for offset in range(factor)]) * np.float32(1 / factor)
    return (weights(columns, width) @ np.ascontiguousarray(result.T)).T


def _sum(parts: list[Picture]) -> Picture:
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def resample_valid(picture: Picture, valid: NDArray[np.bool_], height: int, width: int) -> tuple[Picture, Picture]:
    """Resample the valid pixels alone: padding is never averaged into its neighbours.

    Args:
        picture: ``(rows, columns)`` float32.
        valid: ``(rows, columns)``: False where the value is padding.
        height, width: Of the result, pixels.

    Returns:
        The picture ``(height, width)``, 0 where nothing valid is covered, and the share of each pixel's area that is
        valid, in [0, 1].
    """
    share = resample(valid.astype(np.float32), height, width)
    total = resample(np.where(valid, picture, np.float32(0)), height, width)
    return np.divide(total, share, out=np.zeros_like(total), where=share > 1e-6), share
