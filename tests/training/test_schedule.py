from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from workbench.training.schedule import build_schedule
from workbench.training.settings import LoopSettings


def rates(steps: int, **settings: object) -> list[list[float]]:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    schedule = build_schedule(optimizer, LoopSettings(**settings), steps)  # pyright: ignore[reportArgumentType]
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


def test_steps_after_half_and_three_quarters_for_every_group() -> None:
    told = rates(8, schedule="steps", warmup=0.0)
    assert [first for first, _ in told] == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert [second for _, second in told] == pytest.approx([0.1 * first for first, _ in told])


def test_steps_where_and_how_far_is_asked_for() -> None:
    told = rates(10, schedule="steps", warmup=0.0, milestones=[0.2, 0.9], gamma=0.5)
    assert [first for first, _ in told] == pytest.approx([1, 1, *[0.5] * 7, 0.25])


@pytest.mark.parametrize(("warmup", "begins"), [(0.3, [1 / 3, 2 / 3, 1]), (0.1, [1, 1, 1])])
def test_steps_after_a_warmup(warmup: float, begins: list[float]) -> None:
    told = [first for first, _ in rates(10, schedule="steps", warmup=warmup)]
    assert told == pytest.approx([*begins, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("milestones", [[0.75, 0.5], [0.5, 0.5], [0.0], [1.0], [37.0]])
def test_milestones_that_are_no_rising_shares_are_refused(milestones: list[float]) -> None:
    with pytest.raises(ValidationError, match="shares of all steps"):
        LoopSettings(milestones=milestones)
