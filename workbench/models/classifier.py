"""A classifier: an encoder with a linear head, the classes it tells apart, and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.models import checkpoint
from workbench.models.checkpoint_files import CheckpointFiles
from workbench.models.encoders import Encoder
from workbench.models.heads import LinearHead
from workbench.models.weight_files import load_exactly, write_safetensors

WEIGHTS, FACTS = "classifier.safetensors", "classifier.json"
FILES = CheckpointFiles("classifier", WEIGHTS, FACTS, ("classes", "task", "encoder"), made_by="fine-tuning")
MULTILABEL = "multilabel"


class Classifier(nn.Module):
    """Images to logits and probabilities.

    Args:
        encoder: ``(N, C, H, W)`` in [0, 1] to ``(N, D)``.
        classes: Names, in the order of the outputs.
        task: ``binary``, ``multiclass`` or ``ordinal`` (one class is right: softmax), or ``multilabel`` (each may be
            present: sigmoid).
    """

    def __init__(self, encoder: Encoder, classes: Sequence[str], task: str) -> None:
        super().__init__()
        self.encoder, self.classes, self.task = encoder, list(classes), task
        self.head = LinearHead(encoder.feature_dim, len(self.classes))

    def forward(self, images: Tensor) -> Tensor:
        """``(N, C, H, W)`` to logits ``(N, classes)``."""
        return self.head(self.encoder(images))

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits to probabilities, both ``(N, classes)``."""
        logits = logits.float()
        return logits.sigmoid() if self.task == MULTILABEL else logits.softmax(dim=1)


def save_classifier(folder: Path, classifier: Classifier, facts: Mapping[str, Any] | None = None) -> Path:
    """Write ``classifier.safetensors`` and ``classifier.json``.

    Args:
        folder: Made if absent.
        classifier: What to save.
        facts: Where it comes from: labels version, cohort, budget, encoder and the like.

    Returns:
        The folder.

    Raises:
        OperationFailed: The files cannot be written.
    """
    digest = write_safetensors(Path(folder) / WEIGHTS, classifier.state_dict(), {"format": "workbench classifier"})
    described = {
        "classes": classifier.classes,
        "task": classifier.task,
        "encoder": checkpoint.describe(classifier.encoder),
        "weights_sha256": digest,
    }
    checkpoint.write_facts(Path(folder) / FACTS, {**dict(facts or {}), **described})
    return Path(folder)


def load_classifier(path: str | Path) -> Classifier:
    """Load a classifier in eval mode, on the CPU.

    Args:
        path: A folder with its two files, or either file.

    Raises:
        InputError: There is none, or the files do not fit each other.
    """
    folder = FILES.find(path)
    facts = FILES.read_facts(folder)
    weights = FILES.read_weights(folder, facts)
    classifier = Classifier(checkpoint.rebuild(facts["encoder"], folder / FACTS), facts["classes"], facts["task"])
    load_exactly(classifier, weights, folder / WEIGHTS)
    return classifier.eval()


def read_facts(path: str | Path) -> dict[str, Any]:
    """The contents of ``classifier.json``.

    Raises:
        InputError: It is absent, or is not the description of a classifier.
    """
    return FILES.read_facts(path)


def batched(classifier: nn.Module, images: Any, batch_size: int, progress: Any = None) -> Tensor:
    """Apply a module to all images of a set, without gradients, in eval mode.

    Args:
        classifier: Any module on images.
        images: A set with ``__len__`` and ``batch(positions) -> (N, C, H, W)``.
        batch_size: Images at once.
        progress: Has ``progress(step, total, unit)``; told after each step.

    Returns:
        ``(N, outputs)`` float32 on the CPU.
    """
    import numpy as np

    device = next(classifier.parameters()).device
    training = classifier.training
    classifier.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            positions = np.arange(start, min(start + batch_size, len(images)))
            parts.append(classifier(images.batch(positions).to(device)).float().cpu())
            if progress is not None:
                progress.progress(int(positions[-1]) + 1, len(images), "scans")
    classifier.train(training)
    return torch.cat(parts) if parts else torch.zeros(0, 0)
