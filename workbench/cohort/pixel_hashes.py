"""Two hashes of a picture: one that equal values share, one that like pictures share."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from workbench.dicom.whole_numbers import whole_numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VERSION = 2
"""Of the two definitions: hashes of different versions cannot be compared."""
GRID = 32
BITS = 8


def pixel_hash(values: NDArray[Any]) -> str:
    """Hash of the values and their shape; equal for equal pictures however they were encoded.

    Values that are all whole are hashed as int16 where they fit into it, else as uint16 where they fit into that; all
    others as float32. So int16, uint16 and float32 arrays of the same values share their hash.

    Args:
        values: ``(rows, columns)`` or ``(rows, columns, 3)``, int16, uint16 or floating-point, after the modality and
            polarity steps.

    Returns:
        32 hexadecimal digits of BLAKE3 (J. O'Connor, J.-P. Aumasson, S. Neves, Z. Wilcox-O'Hearn, 2020) over number
        type, shape and values.
    """
    plain = _canonical(values)
    state = blake3(f"{plain.dtype.str} {'x'.join(str(length) for length in plain.shape)} ".encode())
    state.update(plain.reshape(-1).view(np.uint8).data)
    return state.hexdigest(length=16)


def _canonical(values: NDArray[Any]) -> NDArray[Any]:
    """The values in the number type that they alone decide, in one block, little endian."""
    if values.dtype == np.int16:
        return np.ascontiguousarray(values, "<i2")
    if values.dtype != np.uint16:
        floats = np.asarray(values, np.float32)
        whole = whole_numbers(floats)
        if whole is None:
            return np.ascontiguousarray(floats, "<f4") + np.float32(0)  # makes -0 and 0 the same
        values = whole
    fits = values.dtype == np.int16 or not values.size or values.max() <= np.iinfo(np.int16).max
    return np.ascontiguousarray(values, "<i2" if fits else "<u2")


def combined_hash(hashes: list[str]) -> str:
    """Hash of an instance's frames in their order; of one frame, its own."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()[:32]


def perceptual_hash(values: NDArray[Any]) -> str:
    """64 bits that say where the picture's slow waves lie above their median, as ImageHash's ``phash``.

    Brightness, contrast and size do not change it; copies of one picture differ in a few bits at most.

    Args:
        values: ``(rows, columns)`` or ``(rows, columns, 3)``.

    Returns:
        16 hexadecimal digits; the Hamming distance of two hashes is ``distance``.
    """
    grey = values if values.ndim == 2 else values.mean(axis=2)
    small = _area_means(grey)
    if not np.isfinite(small).all():
        small = _area_means(np.nan_to_num(grey))
    waves = (_WAVES @ small @ _WAVES.T).ravel()
    bits = waves > np.sort(waves[1:])[len(waves) // 2 - 1]
    bits[0] = False  # the mean brightness says nothing
    return np.packbits(bits).tobytes().hex()


def distance(first: str, second: str) -> int:
    """Number of bits, 0 to 64, in which two perceptual hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


_WAVES = np.sqrt(2 / GRID) * np.cos(np.pi / GRID * np.outer(np.arange(BITS), np.arange(GRID) + 0.5))
_WAVES[0] /= np.sqrt(2)
"""The first rows ``(8, 32)`` of the orthonormal cosine transform, DCT-II; without scipy.fft, which loads slowly."""


def _area_means(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Means over a 32 by 32 grid of equal cells; a pixel that lies across a border counts for both by its share."""
    strips = _strips(np.asarray(grey, np.float32))
    return _strips(np.ascontiguousarray(strips.T, np.float64)).T


def _strips(grey: NDArray[Any]) -> NDArray[Any]:
    """Means over 32 equal strips of rows."""
    height, rest = divmod(grey.shape[0], GRID)
    if rest:
        return _cells(grey.shape[0]) @ grey
    return np.add.reduce(grey.reshape(GRID, height, grey.shape[1]), axis=1) / grey.dtype.type(height)


@lru_cache(maxsize=256)
def _cells(length: int) -> csr_array:
    """Weights ``(32, length)`` that take the mean over each cell; each pixel has a share in two of them at most."""
    from scipy.sparse import csr_array  # takes a tenth of a second to load, and most pictures do without

    edges = np.arange(GRID + 1) * (length / GRID)
    pixel = np.arange(length)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return csr_array((np.clip(covered, 0, None) * (GRID / length)).astype(np.float32))
