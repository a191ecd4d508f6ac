"""Resampling of test patients: how a metric would scatter over other patients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.runs.seeds import mix

REPLICATES = 1000


def patient_weights(
    targets: NDArray[Any], groups: NDArray[Any], *, replicates: int = REPLICATES, seed: int = 0
) -> NDArray[np.float32]:
    """How often each scan counts in each replicate, whole patients at a time.

    Patients are drawn with replacement among those with the same classes, so that no class is lost. The same test set
    and seed give the same weights, so that arms are compared on the same patients.

    Args:
        targets: ``(N,)`` class indices, or ``(N, L)`` (drawn without strata).
        groups: ``(N,)`` patient of each scan.
        replicates: B.
        seed: Of the draws.

    Returns:
        ``(B, N)`` float32.
    """
    patients, member = np.unique(np.asarray(groups), return_inverse=True)
    strata = np.zeros(len(patients), np.int64)
    y = np.asarray(targets)
    if y.ndim == 1:
        held = np.zeros((len(patients), int(y.max(initial=0)) + 1), bool)
        held[member, y] = True
        strata = np.unique(held, axis=0, return_inverse=True)[1].reshape(-1)
    rng = np.random.default_rng(mix(seed, "bootstrap"))
    weights = np.zeros((replicates, len(patients)), np.float32)
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        weights[:, inside] = rng.multinomial(len(inside), np.full(len(inside), 1.0 / len(inside)), size=replicates)
    return weights[:, member]
