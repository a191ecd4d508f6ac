"""Encoders, heads, checkpoints. Importing the package declares torchvision's operators where they are missing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench.models.torchvision_ops import declare

if TYPE_CHECKING:
    from workbench.models.checkpoint import load_encoder as load_encoder
    from workbench.models.checkpoint import read_facts as read_facts
    from workbench.models.checkpoint import save_encoder as save_encoder
    from workbench.models.classifier import Classifier as Classifier
    from workbench.models.classifier import load_classifier as load_classifier
    from workbench.models.classifier import save_classifier as save_classifier
    from workbench.models.encoders import Encoder as Encoder
    from workbench.models.encoders import build_encoder as build_encoder
    from workbench.models.initialise import LoadReport as LoadReport
    from workbench.models.initialise import load_weights as load_weights

declare()

_HOMES = {
    "Encoder": "encoders",
    "build_encoder": "encoders",
    "load_encoder": "checkpoint",
    "read_facts": "checkpoint",
    "save_encoder": "checkpoint",
    "Classifier": "classifier",
    "load_classifier": "classifier",
    "save_classifier": "classifier",
    "LoadReport": "initialise",
    "load_weights": "initialise",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.models' has no attribute '{name}'")
    return getattr(importlib.import_module(f"workbench.models.{_HOMES[name]}"), name)
