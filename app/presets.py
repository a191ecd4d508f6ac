"""Presets of learning without labels, and how long each takes on this computer by what earlier runs measured."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from app.runs_view import runs_of
from app.wording import about


@dataclass(frozen=True)
class Preset:
    """One choice of how long to learn.

    Attributes:
        name: What it is called.
        sentence: When to take it.
        epochs: Passes over the pictures.
    """

    name: str
    sentence: str
    epochs: int


PRESETS = (
    Preset("Quick look", "Enough to see whether it works at all.", 20),
    Preset("Overnight", "A sensible first encoder.", 100),
    Preset("Thorough", "The most from your pictures; may take days.", 400),
)
ENCODERS = {
    "simclr": {
        "resnet18": "ResNet-18 (fast)",
        "resnet50": "ResNet-50",
        "densenet121": "DenseNet-121",
        "convnext_tiny": "ConvNeXt-T",
        "vit_tiny": "ViT-Tiny",
        "vit_small": "ViT-Small",
    },
    "mae": {"vit_tiny": "ViT-Tiny (fast)", "vit_small": "ViT-Small", "vit_base": "ViT-Base"},
}


def has_gpu() -> bool:
    """Whether this computer seems to have an NVIDIA GPU with its driver."""
    return shutil.which("nvidia-smi") is not None


def measured_rate(method: str, encoder: str, size: int) -> float | None:
    """Pictures per second of the latest run of that method, encoder and size here, or None."""
    for run in runs_of("pretrain"):
        same = (run.settings.get("method"), run.settings.get("encoder"), run.settings.get("size"))
        if same == (method, encoder, size):
            found = run.json("result.json").get("images_per_s") or run.status.throughput
            if found:
                return float(found)
    return None


def time_words(epochs: int, pictures: int, per_second: float | None) -> str:
    """How long that many passes take, in words."""
    if not per_second or not pictures:
        return "Time: shown after the first minute; no earlier run of this kind to judge by."
    return f"Time on this computer: {about(epochs * pictures / per_second)}, judged by an earlier run."


def pretrain_settings(
    *, cohort: str, method: str, encoder: str, size: int, epochs: int, batch_size: int, seed: int, name: str
) -> dict[str, Any]:
    """The settings of the verb ``pretrain``."""
    return {
        "method": method,
        "cohort": cohort,
        "size": size,
        "encoder": encoder,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "name": name,
    }
