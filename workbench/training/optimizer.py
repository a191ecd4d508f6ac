"""From settings and a task to an optimiser."""

from __future__ import annotations

from torch.optim import SGD, AdamW, Optimizer

from workbench.training.settings import LoopSettings
from workbench.training.task import TrainingTask


def build_optimizer(task: TrainingTask, settings: LoopSettings) -> Optimizer:
    """The optimiser over the task's parameter groups.

    AdamW runs fused (one kernel for all parameters, on CPU and GPU). LARS is lightly's; as its authors have it, groups
    without decay (biases, norms) are not scaled by the trust ratio.
    """
    own = {"adamw": task.default_lr, "sgd": task.default_lr_sgd, "lars": task.default_lr_lars}
    lr = settings.lr if settings.lr is not None else own[settings.optimizer]
    decay = settings.weight_decay if settings.weight_decay is not None else task.default_weight_decay
    groups = task.parameter_groups(settings)
    if settings.optimizer == "adamw":
        beta2 = settings.beta2 if settings.beta2 is not None else task.default_beta2
        return AdamW(groups, lr=lr, betas=(0.9, beta2), weight_decay=decay, fused=True)
    if settings.optimizer == "lars":
        from lightly.utils.lars import LARS

        return LARS(groups, lr=lr, momentum=settings.momentum, weight_decay=decay)
    return SGD(groups, lr=lr, momentum=settings.momentum, weight_decay=decay, nesterov=settings.momentum > 0)
