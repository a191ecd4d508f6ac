"""PyTorch Lightning, imported after torchvision's operators are declared (its metrics package imports torchvision)."""

from __future__ import annotations

import pytorch_lightning as lightning  # noqa: I001

import workbench.models  # noqa: F401  declares the operators

__all__ = ["lightning"]
