"""Put features on one scale before ridge regression, so that one grid of penalties suits every encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError

FLOOR = 0.01


@dataclass(frozen=True)
class Standardiser:
    """Subtract the mean, divide by the standard deviation and by sqrt(D): rows then have a squared length of about 1.

    Attributes:
        mean: ``(D,)`` float64.
        scale: ``(D,)`` float64, what the centred features are divided by: max(sd, 0.01 median sd) * sqrt(D).
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, features: ArrayLike) -> Standardiser:
        """Statistics of the unlabelled development pool, never of test scans.

        Args:
            features: ``(N, D)``.

        Raises:
            InputError: No rows, or values that are not finite.
        """
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or not len(x):
            raise InputError(f"Features must be (N, D) with at least one row, not {x.shape}.")
        if not np.isfinite(x).all():
            raise InputError("Features are not all finite.", todo="Compute them again; the encoder may have diverged.")
        deviation = x.std(axis=0)
        middle = float(np.median(deviation)) or float(deviation.max()) or 1.0
        return cls(x.mean(axis=0), np.maximum(deviation, FLOOR * middle) * np.sqrt(x.shape[1]))

    def __call__(self, features: ArrayLike) -> NDArray[np.float32]:
        """``(N, D)`` to the common scale, float32."""
        return ((np.asarray(features, dtype=np.float64) - self.mean) / self.scale).astype(np.float32)

    def to_raw(
        self, weights: NDArray[np.floating], bias: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights ``(..., C, D)`` and bias ``(..., C)`` for standardised features, turned into those for raw ones."""
        raw = np.asarray(weights, dtype=np.float64) / self.scale
        return raw, np.asarray(bias, dtype=np.float64) - raw @ self.mean
