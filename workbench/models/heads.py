"""What sits on an encoder: a linear head for classes, and SimCLR's projection head."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class LinearHead(nn.Module):
    """Features to logits, starting at zero: before training every class is as likely.

    Args:
        feature_dim: D.
        outputs: Number of classes, or of findings.
    """

    def __init__(self, feature_dim: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(feature_dim, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, D)`` to logits ``(N, outputs)``."""
        return self.linear(features)

    def start_from(self, weights: NDArray[np.floating], bias: NDArray[np.floating]) -> None:
        """Take over a fitted linear probe (LP-FT, Kumar et al. 2022).

        Args:
            weights: ``(outputs, D)``, for raw features.
            bias: ``(outputs,)``.
        """
        with torch.no_grad():
            self.linear.weight.copy_(torch.as_tensor(np.ascontiguousarray(weights), dtype=torch.float32))
            self.linear.bias.copy_(torch.as_tensor(np.ascontiguousarray(bias), dtype=torch.float32))


def ProjectionHead(feature_dim: int, hidden: int = 512, dim: int = 128, layers: int = 2) -> nn.Module:  # noqa: N802
    """SimCLR's projection head, as lightly has it.

    Args:
        feature_dim: D.
        hidden: Units of the hidden layers.
        dim: Dimensions of the output ``(N, dim)``.
        layers: 2 in SimCLR, 3 in SimCLR v2.
    """
    from lightly.models.modules.heads import SimCLRProjectionHead

    return SimCLRProjectionHead(feature_dim, hidden, dim, num_layers=layers)
