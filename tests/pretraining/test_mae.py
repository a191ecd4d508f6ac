from __future__ import annotations

import pytest
import torch
from torch import Tensor

from workbench.errors import InputError
from workbench.models import build_encoder
from workbench.pretraining.mae import Mae, MaeSettings

SMALL = {"patch_size": 8, "depth": 2}


def same(images: Tensor, *, generator: torch.Generator) -> Tensor:
    return images


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def task_of(size: int = 32, channels: int = 1, fresh: bool = True, **settings: object) -> Mae:
    encoder = build_encoder("vit_tiny", size=size, in_channels=channels, seed=0, **SMALL)
    torch.manual_seed(0)
    return Mae(encoder, same, MaeSettings(decoder_depth=1, decoder_dim=32, **settings), fresh=fresh)  # pyright: ignore


@pytest.mark.parametrize(("ratio", "kept"), [(0.75, 16), (0.9, 6), (0.5, 32), (0.999, 1)])
def test_masks_keep_the_class_token_and_their_share(ratio: float, kept: int) -> None:
    task = task_of(size=64, mask_ratio=ratio)
    keep, hide = task.masks(5, generator())
    assert (keep.shape, hide.shape) == ((5, kept + 1), (5, 64 - kept))
    assert bool((keep[:, 0] == 0).all())
    together = torch.cat([keep, hide], dim=1).sort(dim=1).values
    assert together.equal(torch.arange(65).expand(5, -1))
    assert not keep[0].sort().values.equal(keep[1].sort().values)
    assert task.masks(5, generator())[0].equal(keep)


def test_the_encoder_computes_visible_patches_alone() -> None:
    task, lengths = task_of(), []
    task.encoder.vit.blocks[0].register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[1]))
    task.training_step(torch.rand(3, 1, 32, 32), range(3), generator=generator())
    assert lengths == [1 + 4]  # class token and a quarter of 16 patches


def test_what_is_hidden_cannot_be_seen() -> None:
    task = task_of().eval()
    images = torch.rand(2, 1, 32, 32, generator=generator(1))
    keep, hide = task.masks(2, generator())
    other = images.clone()
    for scan in range(2):
        for token in hide[scan].tolist():
            row, column = divmod(token - 1, 4)
            other[scan, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 0.5
    with torch.no_grad():
        assert task.decode(images, keep, hide).equal(task.decode(other, keep, hide))


def test_targets_are_normalised_patches_and_turn_back() -> None:
    task = task_of(channels=2)
    images = torch.rand(2, 2, 32, 32, generator=generator(1))
    _, hide = task.masks(2, generator())
    target, mean, deviation = task.targets(images, hide)
    assert target.shape == (2, 12, 8 * 8 * 2)
    assert float(target.mean(dim=-1).abs().max()) < 1e-5
    torch.testing.assert_close(target.std(dim=-1), torch.ones(2, 12), rtol=1e-3, atol=1e-3)
    row, column = divmod(int(hide[0, 0]) - 1, 4)
    patch = images[0, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].permute(1, 2, 0).flatten()
    torch.testing.assert_close((target * deviation + mean)[0, 0], patch)
    plain, _, _ = task_of(channels=2, normalise_targets=False).targets(images, hide)
    torch.testing.assert_close(plain[0, 0], patch)


def test_the_loss_counts_hidden_patches_alone() -> None:
    task = task_of()
    images = torch.rand(3, 1, 32, 32, generator=generator(1))
    keep, hide = task.masks(3, generator(7))
    expected = (task.decode(images, keep, hide) - task.targets(images, hide)[0]).square().mean().item()
    loss = task.training_step(images, range(3), generator=generator(7))["loss"]
    assert loss.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("bf16", [False, True])
def test_every_trained_parameter_gets_a_gradient(bf16: bool) -> None:
    task = task_of()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        loss = task.training_step(torch.rand(4, 1, 32, 32), range(4), generator=generator())["loss"]
    assert loss.dtype == torch.float32
    loss.backward()
    without = [name for name, p in task.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_a_pretrained_vit_is_left_as_it_is() -> None:
    before = {
        name: value.clone() for name, value in build_encoder("vit_tiny", size=32, seed=0, **SMALL).state_dict().items()
    }
    kept, fresh = task_of(fresh=False).encoder.state_dict(), task_of().encoder.state_dict()
    assert all(kept[name].equal(value) for name, value in before.items())
    assert not fresh["network.pos_embed"].equal(before["network.pos_embed"])
    assert task_of(fresh=False).encoder.vit.pos_embed.requires_grad
    assert not task_of().encoder.vit.pos_embed.requires_grad


def test_the_encoder_trained_is_the_encoder_given() -> None:
    task = task_of()
    groups = task.parameter_groups(None)  # pyright: ignore[reportArgumentType]
    grouped = [id(p) for group in groups for p in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert {id(p) for p in task.encoder.parameters() if p.requires_grad} <= set(grouped)


def test_pictures_are_the_scan_the_visible_and_the_painted() -> None:
    task = task_of().eval()
    images = torch.rand(2, 1, 32, 32, generator=generator(1))
    with torch.no_grad():
        scan, visible, painted = task.pictures(images, generator(2))
    keep, hide = task.masks(2, generator(2))
    assert scan is images
    assert float((visible == 0.5).float().mean()) == pytest.approx(0.75, abs=0.01)
    for token in keep[0, 1:].tolist():
        row, column = divmod(token - 1, 4)
        place = (0, 0, slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        torch.testing.assert_close(painted[place], images[place])
        torch.testing.assert_close(visible[place], images[place])
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


def test_a_cnn_is_refused() -> None:
    with pytest.raises(InputError, match="'resnet18' is none.*vit_tiny"):
        Mae(build_encoder("resnet18", seed=0), same)
