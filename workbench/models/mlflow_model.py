"""An encoder or a classifier as an MLflow model (*models from code*): MLflow copies this file beside the two on disk.

It needs torch, timm or torchvision, safetensors and numpy, and nothing of this repository: the network is built from
the recipe in ``encoder.json`` or ``classifier.json``. A test holds it equal to the program's own networks.

    model = mlflow.pyfunc.load_model("runs:/.../encoder")
    features = model.predict(images)   # (N, C, H, W) float32 in [0, 1] -> (N, D) float32

A classifier answers with the probability of every class, ``(N, classes)``.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.pyfunc.model import PythonModel
from safetensors.torch import load_file
from torch import nn

BATCH = 256


class EncoderModel(PythonModel):
    """Images ``(N, C, H, W)`` float in [0, 1] to features ``(N, D)``, or to probabilities ``(N, classes)``; float32."""

    def load_context(self, context: Any) -> None:
        """Build the network and load its weights; no pickle is involved."""
        with contextlib.suppress(ImportError):
            import workbench.models  # noqa: F401  declares torchvision's operators where its build lacks them
        facts = json.loads(Path(context.artifacts["facts"]).read_text(encoding="utf-8"))
        weights = load_file(context.artifacts["weights"])
        self.head = None
        self.several = facts.get("task") == "multilabel"
        if "classes" in facts:
            self.head = (weights.pop("head.linear.weight"), weights.pop("head.linear.bias"))
            weights = {name.removeprefix("encoder."): value for name, value in weights.items()}
            facts = facts["encoder"]
        self.mean = weights.pop("mean").view(1, -1, 1, 1)
        self.std = weights.pop("std").view(1, -1, 1, 1)
        self.pool = facts["arguments"].get("pool", "") if facts["recipe"]["function"].startswith("vit_") else ""
        self.network = network(facts["recipe"])
        self.network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
        self.network.eval()

    def predict(self, context, model_input, params=None):  # without hints: MLflow would check inputs by them
        """Features or probabilities of images; arrays of numpy, or what numpy makes one of."""
        images = torch.as_tensor(np.asarray(model_input, dtype=np.float32))
        with torch.inference_mode():
            return np.concatenate([self._answers(part).numpy() for part in images.split(BATCH)])

    def _answers(self, images: torch.Tensor) -> torch.Tensor:
        features = self._features(images)
        if self.head is None:
            return features
        logits = nn.functional.linear(features, *self.head)
        return logits.sigmoid() if self.several else logits.softmax(dim=1)

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        images = (images - self.mean) / self.std
        if not self.pool:
            return self.network(images)
        tokens: Any = self.network.forward_features(images)  # pyright: ignore[reportCallIssue]
        prefix: Any = self.network.num_prefix_tokens
        return tokens[:, prefix:].mean(dim=1) if self.pool == "mean" else tokens[:, 0]


def network(recipe: dict[str, Any]) -> nn.Module:
    """The network of a recipe, as ``encoder.json`` holds it."""
    channels, arguments = recipe["in_channels"], recipe["arguments"]
    if recipe["library"] == "timm":
        import timm

        return timm.create_model(recipe["function"], pretrained=False, in_chans=channels, num_classes=0, **arguments)
    import torchvision

    made = getattr(torchvision.models, recipe["function"])(weights=None, **arguments)
    dense = hasattr(made, "features")
    stem = made.features.conv0 if dense else made.conv1
    size, stride = (3, 1) if recipe["stem"] == "small" else (stem.kernel_size[0], stem.stride[0])
    first = nn.Conv2d(channels, stem.out_channels, size, stride, size // 2, bias=False)
    if dense:
        made.features.conv0, made.classifier = first, nn.Identity()
        return made
    made.conv1, made.fc = first, nn.Identity()
    if recipe["stem"] == "small":
        made.maxpool = nn.Identity()
    return made


mlflow.models.set_model(EncoderModel())
