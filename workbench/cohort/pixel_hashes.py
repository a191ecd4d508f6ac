"""Two hashes of a picture: one that equal values share, one that like pictures share."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

GRID = 32
BITS = 8


def pixel_hash(values: NDArray[np.float32]) -> str:
    """Hash of the values and their shape; equal for equal pictures however they were encoded.

    Args:
        values: ``(rows, columns)`` or ``(rows, columns, 3)`` float32, after the modality and polarity steps.

    Returns:
        32 hexadecimal digits of SHA-256.
    """
    plain = np.ascontiguousarray(values, dtype="<f4") + np.float32(0)  # makes -0 and 0 the same
    state = hashlib.sha256("x".join(str(n) for n in plain.shape).encode())
    state.update(plain.data)
    return state.hexdigest()[:32]


def combined_hash(hashes: list[str]) -> str:
    """Hash of an instance's frames in their order; of one frame, its own."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()[:32]


def perceptual_hash(values: NDArray[np.float32]) -> str:
    """64 bits that say where the picture's slow waves lie above their median, as ImageHash's ``phash``.

    Brightness, contrast and size do not change it; copies of one picture differ in a few bits at most.

    Args:
        values: ``(rows, columns)`` or ``(rows, columns, 3)``.

    Returns:
        16 hexadecimal digits; the Hamming distance of two hashes is ``distance``.
    """
    from scipy.fft import dctn

    grey = values if values.ndim == 2 else values.mean(axis=2)
    small = _area_means(np.nan_to_num(grey, copy=False))
    waves = dctn(small, norm="ortho")[:BITS, :BITS].ravel()
    bits = waves > np.median(waves[1:])
    bits[0] = False  # the mean brightness says nothing
    return np.packbits(bits).tobytes().hex()


def distance(first: str, second: str) -> int:
    """Number of bits, 0 to 64, in which two perceptual hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def _area_means(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over a 32 by 32 grid of equal cells; a pixel that lies across a border counts for both by its share."""
    return np.asarray(_cells(grey.shape[0]) @ grey @ _cells(grey.shape[1]).T, np.float32)


@lru_cache(maxsize=256)
def _cells(length: int) -> NDArray[np.float32]:
    """Weights ``(32, length)`` that take the mean over each cell."""
    edges = np.arange(GRID + 1) * (length / GRID)
    pixel = np.arange(length)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.clip(covered, 0, None) * (GRID / length)).astype(np.float32)
