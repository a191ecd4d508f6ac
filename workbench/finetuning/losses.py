"""What is minimised, and what two sets of probabilities are compared by: log-loss."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

SMALLEST = 1e-6


def training_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean log-loss of a batch, in float32.

    Args:
        logits: ``(N, C)``.
        targets: ``(N,)`` class indices (softmax), or ``(N, C)`` of 0, 1 and nan (sigmoid; nan counts for nothing).
    """
    logits = logits.float()
    if targets.ndim == 1:
        return functional.cross_entropy(logits, targets)
    known = ~torch.isnan(targets)
    each = functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def log_loss(probabilities: NDArray[np.floating], targets: NDArray) -> float:
    """Mean log-loss of probabilities ``(N, C)`` under targets as in :func:`training_loss`."""
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    if targets.ndim == 1:
        return float(-np.log(p[np.arange(len(p)), targets]).mean())
    known = ~np.isnan(targets)
    each = -np.where(targets == 1, np.log(p), np.log1p(-p))
    return float(each[known].mean()) if known.any() else float("nan")
