"""Made-up features, labels and patients for the tests of evaluation."""

from __future__ import annotations

import numpy as np


def blobs(n: int, width: int, classes: int, *, shift: float = 1.5, seed: int = 0, scans: int = 1):
    """Features ``(n, width)`` of unequal scale, labels by patient, and patients with ``scans`` scans each."""
    rng = np.random.default_rng(seed)
    patients = np.arange(n) // scans
    of_patient = rng.permutation(np.arange(patients.max() + 1) % classes)
    y = of_patient[patients]
    x = rng.normal(size=(n, width))
    x[:, :classes] += shift * np.eye(classes)[y]
    mixing = rng.normal(size=(width, width)) * (1.0 + np.arange(width))[:, None] ** -0.5
    return (x @ mixing + 0.3).astype(np.float32), y, patients
