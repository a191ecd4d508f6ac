"""Scans that are not trained on, scored again and again while training, to choose its weights by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from workbench.errors import InputError
from workbench.evaluation.auc import influence, outcomes
from workbench.finetuning.images import Images, held
from workbench.finetuning.losses import log_loss
from workbench.models.classifier import Classifier, batched

AT_ONCE = 256


@dataclass(frozen=True)
class Validation:
    """The validation scans.

    Attributes:
        images: ``(N, C, H, W)`` in [0, 1] by position.
        targets: ``(N,)`` class indices, or ``(N, L)`` of 0, 1 and nan.
        patients: ``(N,)``, none of whom is trained on.
    """

    images: Images
    targets: NDArray[Any]
    patients: NDArray[Any]

    @classmethod
    def of(cls, images: Images, targets: NDArray[Any], patients: NDArray[Any], classes: int) -> Validation:
        """The scans, held in memory.

        Raises:
            InputError: There are none, or an AUC cannot be told from them: one class alone, or too few patients.
        """
        kinds = outcomes(targets, patients, classes=classes).columns if len(targets) else []
        if not any(0 < target[known].sum() < known.sum() for _, target, known in kinds):
            raise InputError(
                f"The {len(targets):,} validation scans do not tell an AUC: two classes are needed among them.",
                where="validation",
                todo="Name a value of the column that scans of at least two classes have.",
            )
        return cls(held(images), targets, patients)

    def score(self, classifier: Classifier) -> dict[str, float]:
        """``validation_auc`` (the mean over classes, one against the rest) and ``validation_loss`` (log-loss, nats).

        Args:
            classifier: On any device.
        """
        logits: Tensor = batched(classifier, self.images, AT_ONCE)
        scores: NDArray[np.floating] = classifier.probabilities(logits).numpy()
        auc = float(influence(scores, self.targets, self.patients).auc)
        return {"validation_auc": auc, "validation_loss": log_loss(scores, self.targets)}
