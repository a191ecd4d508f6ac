"""The linear probe: ridge-logistic regression on frozen features, its penalty chosen inside the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.evaluation.standardise import Standardiser

LAMBDAS = tuple(float(v) for v in 10.0 ** np.linspace(-4.0, 0.5, 10))
FIXED_LAMBDA = 1e-2


@dataclass(frozen=True)
class ProbeFits:
    """Many probes, one per draw of labelled scans.

    Attributes:
        task: ``binary``, ``multiclass`` or ``multilabel``.
        probabilities: ``(draws, N_test, C)`` float32 (binary: C = 2; multi-label: C = L, each by itself).
        logits: ``(draws, N_test, C)`` float32: their softmax (multi-label: sigmoid) is ``probabilities``.
        lambdas: ``(draws, Q)`` float64: the penalty chosen; Q = 1, or L for multi-label.
        fixed: ``(draws, Q)`` bool: the budget was too small to choose, so the fixed penalty was used.
        unfit: ``(draws, Q)`` bool: the draw has one class only: chance (the prevalence) is predicted.
        oof_logits: One ``(n_draw, C)`` float32 per draw, in the order of its rows: logits of each scan by the probe
            of the folds without its patient; nan where no fold can be held out.
        weights: ``(draws, C, D)`` float32 for raw features: ``logits = features @ weights.T + bias``.
        bias: ``(draws, C)`` float32.
    """

    task: str
    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    lambdas: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    unfit: NDArray[np.bool_]
    oof_logits: list[NDArray[np.float32]]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def fit_probes(
    features: ArrayLike,
    targets: ArrayLike,
    draws: Sequence[ArrayLike],
    test_features: ArrayLike,
    groups: ArrayLike,
    *,
    classes: int | None = None,
    standardiser: Standardiser | None = None,
    lambdas: Sequence[float] = LAMBDAS,
    weights: ArrayLike | None = None,
    seed: int = 0,
) -> ProbeFits:
    """Fit one probe per draw, all draws, folds and penalties at once.

    Args:
        features: ``(N, D)`` raw features of the development pool.
        targets: ``(N,)`` class indices (-1: unlabelled; no draw may hold it), or ``(N, L)`` of 0, 1 and nan.
        draws: Row indices into ``features``, one array per draw; budgets may differ.
        test_features: ``(N_test, D)`` raw features.
        groups: ``(N,)`` patient of each row; no patient is in two folds.
        classes: Number of classes, where ``targets`` may lack some.
        standardiser: Default: fitted on all of ``features`` (the unlabelled pool).
        lambdas: Penalties to choose from.
        weights: ``(N,)`` weight of each scan; default 1.
        seed: Of the folds; the same for every arm, so that arms share folds.
    """
    raise NotImplementedError
