"""The labelled scans that probes of an audit are trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Labelled:
    """The labelled development scans, for probes.

    Attributes:
        features: Name of each source of features to ``(N, D)`` of the development and ``(U', D)`` of the test scans.
        truth: ``(N,)`` 1, 0, or -1 where unknown.
        patients: ``(N,)``.
        test_truth, test_patients: ``(U',)`` of the test scans.
        attributes: Attribute to the groups of the development and of the test scans.
    """

    features: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    truth: NDArray[np.int64]
    patients: NDArray[np.str_]
    test_truth: NDArray[np.int64]
    test_patients: NDArray[np.str_]
    attributes: dict[str, tuple[NDArray[np.str_], NDArray[np.str_]]]
