"""Which labels are probably wrong: those that a model that never saw them contradicts, although the case is easy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.evaluation.acquisition import entropy

LEAST = 1e-7


def label_doubt(oof_probabilities: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Loss of the given label minus the entropy of the prediction, after Bernhardt et al. (Nature Communications 2022).

    A large loss alone picks out hard cases; the entropy takes these off.

    Args:
        oof_probabilities: ``(n, C)`` by models that did not see the case; nan where there is none.
        targets: ``(n,)`` class indices, or ``(n, C)`` of 0, 1 and nan (findings, each by itself).

    Returns:
        ``(n,)`` nats, larger for more doubt; nan where there is no prediction.
    """
    p, y = np.asarray(oof_probabilities, dtype=np.float64), np.asarray(targets)
    found = np.full(len(p), np.nan)
    rows = np.flatnonzero(np.isfinite(p).all(axis=1))
    q = np.clip(p[rows], LEAST, 1 - LEAST)
    if y.ndim == 1:
        found[rows] = -np.log(q[np.arange(len(rows)), y[rows]]) - entropy(q / q.sum(axis=1, keepdims=True))
        return found
    truth = y[rows]
    loss = -(truth * np.log(q) + (1 - truth) * np.log1p(-q))
    own = -(q * np.log(q) + (1 - q) * np.log1p(-q))
    found[rows] = np.nansum(np.where(np.isnan(truth), np.nan, loss - own), axis=1)
    return found
