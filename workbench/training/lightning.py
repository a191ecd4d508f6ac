"""PyTorch Lightning, imported after torchvision's operators are declared (its metrics package imports torchvision)."""

from __future__ import annotations

from workbench.models.torchvision_ops import declare

declare()

import pytorch_lightning as lightning  # noqa: E402

__all__ = ["lightning"]
