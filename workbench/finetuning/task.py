"""Fine-tuning as the loop sees it: augmented batches, log-loss, a learning rate per layer, averaged weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.finetuning.losses import training_loss
from workbench.finetuning.validation import Validation
from workbench.models.classifier import Classifier
from workbench.training.settings import LoopSettings
from workbench.training.task import TrainingTask

NORMS = (nn.modules.batchnorm._BatchNorm,)


class FinetuneTask(TrainingTask):
    """A classifier in training.

    Args:
        classifier: Trained in place.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        augment: One random view of each image of a batch.
        layer_decay: Each layer nearer the input learns this much slower; 1 lets all learn alike.
        ema: Decay per step of the averaged weights; 0 keeps the last ones.
        keep_statistics: Leave the running means of batch norms as they came, as small sets measure them badly.
        validation: Scored after every epoch of the loop.
        select: ``best`` keeps the weights with the best AUC on the validation scans, ``last`` the last ones.
    """

    default_lr = 1e-3
    default_weight_decay = 0.05

    def __init__(
        self,
        classifier: Classifier,
        targets: NDArray[Any],
        augment: Callable[..., Tensor],
        *,
        layer_decay: float = 1.0,
        ema: float = 0.99,
        keep_statistics: bool = False,
        validation: Validation | None = None,
        select: str = "last",
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.kind = "vit" if classifier.encoder.is_vit else "cnn"
        self.augment = augment
        self.layer_decay, self.ema, self.keep_statistics = layer_decay, ema, keep_statistics
        made = torch.as_tensor(np.asarray(targets))
        self.register_buffer("targets", made.float() if made.ndim == 2 else made.long(), persistent=False)
        self.validation = validation
        self.select_best = select == "best" and validation is not None
        self.best_auc, self.best_epoch = float("-inf"), 0
        self._best: list[Tensor] = []
        self._averages: list[Tensor] = []

    def train(self, mode: bool = True) -> FinetuneTask:
        """Training mode, in which batch norms may keep their statistics."""
        super().train(mode)
        if mode and self.keep_statistics:
            for module in self.classifier.modules():
                if isinstance(module, NORMS):
                    module.eval()
        return self

    def training_step(self, batch: Tensor, positions: Any, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Log-loss of one random view of each scan."""
        with torch.no_grad(), torch.autocast(batch.device.type, enabled=False):
            images = self.augment(batch, generator=generator)
        chosen = torch.as_tensor(np.asarray(positions), device=batch.device)
        targets: Any = self.targets
        return {"loss": training_loss(self.classifier(images), targets[chosen])}

    def parameter_groups(self, settings: LoopSettings) -> list[dict[str, Any]]:
        """Per layer two groups, with and without decay; the head learns at the full rate."""
        lr = settings.lr or self.default_lr
        free = {
            id(p) for group in super().parameter_groups(settings) if "weight_decay" in group for p in group["params"]
        }
        layers = [*self.classifier.encoder.layers(), list(self.classifier.head.parameters())]
        groups = []
        for depth, layer in enumerate(layers):
            rate = lr * self.layer_decay ** (len(layers) - 1 - depth)
            trained = [p for p in layer if p.requires_grad]
            for members, extra in (
                ([p for p in trained if id(p) not in free], {}),
                ([p for p in trained if id(p) in free], {"weight_decay": 0.0}),
            ):
                if members:
                    groups.append({"params": members, "lr": rate, **extra})
        return groups

    @torch.no_grad()
    def on_step_end(self, step: int) -> None:
        """Move the averages; their decay grows to ``ema``, so that the random beginning is soon forgotten."""
        if not self.ema:
            return
        tensors = self._tensors()
        if not self._averages:
            self._averages = [tensor.clone() for tensor in tensors]
            return
        if self._averages[0].device != tensors[0].device:  # after a resume on a GPU
            self._averages = [average.to(tensors[0].device) for average in self._averages]
        decay = min(self.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, tensors, 1 - decay)

    @torch.no_grad()
    def on_epoch_end(self, epoch: int) -> dict[str, float]:
        """Score the validation scans with the weights that would be kept now, and remember the best ones."""
        if self.validation is None:
            return {}
        trained = [tensor.clone() for tensor in self._tensors()]
        self._put(self._averages)
        scored = self.validation.score(self.classifier)
        if self.select_best and scored["validation_auc"] > self.best_auc:
            self.best_auc, self.best_epoch = scored["validation_auc"], epoch
            self._best = [tensor.clone() for tensor in self._tensors()]
        self._put(trained)
        return scored

    @torch.no_grad()
    def take_kept(self) -> None:
        """Put the weights that are kept into the classifier, after training: the best, else the averaged ones."""
        self._put(self._best or self._averages)
        self._averages, self._best = [], []

    def get_extra_state(self) -> dict[str, Any]:
        """The averages and the best weights so far, for checkpoints."""
        return {
            "averages": self._averages,
            "best": self._best,
            "best_auc": self.best_auc,
            "best_epoch": self.best_epoch,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up the averages and the best weights of a run that was interrupted."""
        self._averages = [tensor.clone() for tensor in state["averages"]]
        self._best = [tensor.clone() for tensor in state.get("best", [])]
        self.best_auc = float(state.get("best_auc", self.best_auc))
        self.best_epoch = int(state.get("best_epoch", 0))

    def _put(self, weights: list[Tensor]) -> None:
        for tensor, value in zip(self._tensors(), weights, strict=False):
            tensor.copy_(value)

    def _tensors(self) -> list[Tensor]:
        moving = [
            buffer for name, buffer in self.classifier.named_buffers() if name.rpartition(".")[2].startswith("running_")
        ]
        return [p.data for p in self.classifier.parameters() if p.requires_grad] + moving
