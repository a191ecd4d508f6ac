"""The head from which fine-tuning starts: the linear probe on frozen features, or one that knows only frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluation.probe import fit_probes
from workbench.evaluation.standardise import Standardiser

SMOOTHING = 1.0

Head = tuple[NDArray[np.floating], NDArray[np.floating]]


def probe_head(
    features: NDArray[Any],
    targets: NDArray[Any],
    groups: NDArray[Any],
    classes: int,
    seed: int,
    standardiser: Standardiser | None = None,
) -> Head:
    """Weights ``(C, D)`` and bias ``(C,)``, for raw features, of the probe fitted inside the budget.

    Args:
        features: ``(N, D)`` of the frozen encoder.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        groups: ``(N,)``: scans of one group stay on one side of every fold.
        classes: C.
        seed: Seeds the folds.
        standardiser: Fitted on the unlabelled development scans; on the budget's when not given.
    """
    found = fit_probes(
        features,
        targets,
        [np.arange(len(features))],
        features[:1],
        groups,
        classes=classes,
        standardiser=standardiser,
        seed=seed,
    )
    return found.weights[0], found.bias[0]


def prior_head(targets: NDArray[Any], classes: int, feature_dim: int) -> Head:
    """Weights of 0, and the bias ``(C,)`` that predicts the (smoothed) frequencies of the budget."""
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=classes) + SMOOTHING
        bias = np.log(counts / counts.sum())
    else:
        present, absent = (np.sum(targets == value, axis=0) + SMOOTHING for value in (1, 0))
        bias = np.log(present / absent)
    return np.zeros((classes, feature_dim)), bias


def frequencies(targets: NDArray[Any], classes: int) -> NDArray[np.floating]:
    """The smoothed frequency of every class, ``(classes,)``."""
    bias = prior_head(targets, classes, 1)[1]
    return np.exp(bias) if targets.ndim == 1 else 1 / (1 + np.exp(-bias))


def one_sided(targets: NDArray[Any]) -> bool:
    """Whether nothing can be learned from the targets: one class alone, or no finding both present and absent."""
    if targets.ndim == 1:
        return len(np.unique(targets)) < 2
    return not any((column == 0).any() and (column == 1).any() for column in targets.T)
