from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from workbench.training import TrainingTask
from workbench.training.optimizer import build_optimizer
from workbench.training.settings import LoopSettings


class Task(TrainingTask):
    default_lr, default_lr_sgd, default_lr_lars = 0.5, 0.6, 0.7
    default_weight_decay, default_beta2 = 0.03, 0.95

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.pos_embed = nn.Parameter(torch.zeros(1, 4, 2))
        self.frozen = nn.Parameter(torch.zeros(3, 3), requires_grad=False)

    def training_step(self, batch: Tensor, positions: object, *, generator: torch.Generator) -> dict[str, Tensor]:
        raise NotImplementedError


def test_weights_decay_and_the_rest_does_not() -> None:
    task = Task()
    decayed, free = build_optimizer(task, LoopSettings()).param_groups
    assert decayed["params"] == [task.conv.weight]
    assert [id(p) for p in free["params"]] == [
        id(p) for p in (task.pos_embed, task.conv.bias, task.norm.weight, task.norm.bias)
    ]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.03, 0.0)
    assert decayed["betas"] == (0.9, 0.95)
    assert decayed["fused"] is True


@pytest.mark.parametrize(("name", "kind", "lr"), [("adamw", "AdamW", 0.5), ("sgd", "SGD", 0.6), ("lars", "LARS", 0.7)])
def test_each_optimiser_has_the_tasks_own_rate(name: str, kind: str, lr: float) -> None:
    optimizer = build_optimizer(Task(), LoopSettings(optimizer=name))  # pyright: ignore[reportArgumentType]
    assert (type(optimizer).__name__, optimizer.param_groups[0]["lr"]) == (kind, lr)


def test_settings_come_first() -> None:
    group = build_optimizer(Task(), LoopSettings(lr=0.25, weight_decay=0.0, beta2=0.5)).param_groups[0]
    assert (group["lr"], group["weight_decay"], group["betas"]) == (0.25, 0.0, (0.9, 0.5))
