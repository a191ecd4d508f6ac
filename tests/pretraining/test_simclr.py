from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.augmentation import AugmentSettings, BatchAugment
from workbench.models import build_encoder
from workbench.pretraining.simclr import Simclr, SimclrSettings


class Flat(nn.Module):
    """Pixels as features, and the number of images of each call."""

    is_vit, feature_dim, in_channels, name = False, 16, 1, "flat"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return images.flatten(1)


def same(images: Tensor, *, generator: torch.Generator) -> Tensor:
    return images


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_both_views_go_through_the_encoder_at_once() -> None:
    task = Simclr(Flat(), same)
    task.training_step(torch.rand(6, 1, 4, 4), range(6), generator=generator())
    assert task.encoder.calls == [12]


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_loss_is_nt_xent_of_the_paper(temperature: float) -> None:
    task = Simclr(Flat(), same, SimclrSettings(temperature=temperature))
    task.head = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    images = torch.rand(5, 1, 4, 4, generator=generator(1))
    flat = functional.normalize(torch.cat([images, images]).flatten(1), dim=1)
    alike = (flat @ flat.T / temperature).exp()
    expected = 0.0
    for i in range(10):
        partner = (i + 5) % 10
        others = sum(float(alike[i, k]) for k in range(10) if k != i)
        expected -= math.log(float(alike[i, partner]) / others) / 10
    loss = task.training_step(images, range(5), generator=generator())["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-3)


def test_the_loss_is_float32_under_bf16() -> None:
    task = Simclr(build_encoder("resnet18", size=32, seed=0), same)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = task.training_step(torch.rand(4, 1, 32, 32), range(4), generator=generator())["loss"]
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None for p in task.parameters())


def test_views_come_from_the_steps_generator_alone() -> None:
    task = Simclr(Flat(), BatchAugment(AugmentSettings(), 16))
    images = torch.rand(4, 1, 16, 16, generator=generator(3))
    first, again, other = (task.views(images, generator(seed)) for seed in (5, 5, 6))
    assert first.shape == (8, 1, 16, 16)
    assert first.equal(again)
    assert not first.equal(other)
    assert not first[:4].equal(first[4:])
    shown = task.pictures(images, generator(5))
    assert shown[0] is images
    assert torch.cat(shown[1:]).equal(first)


def test_the_head_has_the_sizes_asked_for() -> None:
    settings = SimclrSettings(projection_hidden=24, projection_dim=8, projection_layers=3)
    task = Simclr(build_encoder("resnet18", size=32, seed=0), same, settings)
    linear = [module for module in task.head.modules() if isinstance(module, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(512, 24), (24, 24), (24, 8)]
    assert task.kind == "cnn"
