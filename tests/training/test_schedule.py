from __future__ import annotations

import pytest
import torch

from workbench.training.schedule import warmup_cosine
from workbench.training.settings import LoopSettings


def rates(steps: int, **settings: float) -> list[list[float]]:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    schedule = warmup_cosine(optimizer, LoopSettings(**settings), steps)  # pyright: ignore[reportArgumentType]
    told = []
    for _ in range(steps):
        told.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return told


def test_linear_warmup_then_cosine_for_every_group() -> None:
    told = rates(11, warmup=0.4, final_lr=0.0)  # 4 steps up; 7 values of a cosine from 1 to 0
    expected = [0.25, 0.5, 0.75, 1, 1, 0.933, 0.75, 0.5, 0.25, 0.067, 0]
    assert [first for first, _ in told] == pytest.approx(expected, abs=1e-3)
    assert [second for _, second in told] == pytest.approx([0.1 * first for first, _ in told])


def test_ends_at_the_share_asked_for() -> None:
    assert rates(5, warmup=0.0, final_lr=0.25)[-1][0] == 0.25


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_of_a_few_steps(steps: int) -> None:
    told = rates(steps, warmup=0.9)
    assert len(told) == steps
    assert all(0 < first <= 1 for first, _ in told)
