"""Convolutions as matrix products: the same numbers as torch's, within bfloat16."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from workbench.models.encoders import build_encoder
from workbench.models.small_map_convolution import SmallMapConv2d, use_small_map_convolutions

ROUNDING = 0.015  # of the largest value; bfloat16 has 8 bits of mantissa


def apart(wanted: Tensor, got: Tensor) -> float:
    return float((wanted - got.float()).abs().max() / wanted.abs().max().clamp_min(1e-6))


def both_ways(plain: nn.Conv2d, image: Tensor, *, of_image: bool) -> list[tuple[Tensor, Tensor]]:
    """(torch in float32, ours in bfloat16) of the output and both gradients."""
    ours = SmallMapConv2d(
        plain.in_channels, plain.out_channels, plain.kernel_size[0], plain.stride[0], int(plain.padding[0]),
        bias=plain.bias is not None,
    )  # fmt: skip
    ours.load_state_dict(plain.state_dict())
    first, second = image.clone().requires_grad_(of_image), image.clone().requires_grad_(of_image)
    wanted = plain(first)
    with torch.autocast("cpu", torch.bfloat16):
        got = ours(second)
    assert got.dtype == torch.bfloat16 and got.shape == wanted.shape
    gradient = torch.randn_like(wanted)
    wanted.backward(gradient)
    got.backward(gradient.to(torch.bfloat16))
    pairs = [(wanted, got), (plain.weight.grad, ours.weight.grad)]
    if plain.bias is not None:
        pairs.append((plain.bias.grad, ours.bias.grad))  # pyright: ignore[reportArgumentType, reportOptionalMemberAccess]
    if of_image:
        pairs.append((first.grad, second.grad))  # pyright: ignore[reportArgumentType]
    return pairs  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("channels", "out", "kernel", "stride", "padding", "side"),
    [
        (64, 32, 3, 1, 1, 2),  # every position sees every other
        (64, 32, 3, 1, 1, 1),
        (32, 64, 3, 2, 1, 4),  # forward by unfolding
        (32, 32, 3, 1, 1, 4),  # gradient of the weights by unfolding
        (32, 64, 3, 2, 1, 16),
        (32, 64, 1, 2, 0, 8),
        (16, 16, 3, 1, 1, 16),  # torch's own
        (16, 8, 1, 1, 0, 2),
    ],
)
def test_equals_torch(channels: int, out: int, kernel: int, stride: int, padding: int, side: int) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, out, kernel, stride, padding, bias=False)
    for wanted, got in both_ways(plain, torch.randn(8, channels, side, side), of_image=True):
        assert apart(wanted, got) < ROUNDING


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    channels=st.integers(1, 5),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 3),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    padding=st.integers(0, 3),
    bias=st.booleans(),
    of_image=st.booleans(),
)
def test_equals_torch_for_any_shape(
    channels: int, kernel: int, stride: int, height: int, width: int, padding: int, bias: bool, of_image: bool
) -> None:
    if min(height, width) + 2 * padding < kernel:
        return
    torch.manual_seed(channels + 10 * kernel)
    plain = nn.Conv2d(channels, 6, kernel, stride, padding, bias=bias)
    for wanted, got in both_ways(plain, torch.randn(3, channels, height, width), of_image=of_image):
        assert (wanted - got.float()).abs().max() < 0.03 * wanted.abs().max() + 0.02


def test_float32_evaluation_and_no_autocast_are_torch_to_the_bit() -> None:
    plain = nn.Conv2d(4, 8, 3, 1, 1)
    image = torch.randn(2, 4, 2, 2)
    wanted = plain(image)
    ours = nn.Sequential(plain)
    use_small_map_convolutions(ours)
    assert type(ours[0]) is SmallMapConv2d
    assert torch.equal(ours(image), wanted)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(image), nn.functional.conv2d(image, plain.weight, plain.bias, padding=1))


def test_grouped_dilated_and_reflecting_convolutions_stay_torchs() -> None:
    for special in (
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, (1, 3), padding=(0, 1)),
    ):
        image = torch.randn(2, 4, 4, 4)
        with torch.autocast("cpu", torch.bfloat16):
            wanted = special(image)
            assert torch.equal(use_small_map_convolutions(nn.Sequential(special))(image), wanted)


def test_resnet_learns_the_same_in_bfloat16() -> None:
    torch.manual_seed(0)
    image = torch.rand(16, 1, 64, 64)
    encoder = build_encoder("resnet18", size=64, seed=0)
    encoder(image).square().mean().backward()
    wanted = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        features = encoder(image)
    features.float().square().mean().backward()
    for name in ("network.layer4.1.conv2.weight", "network.layer4.0.conv1.weight", "network.layer3.1.conv1.weight"):
        got = dict(encoder.named_parameters())[name].grad
        assert got is not None
        cosine = torch.nn.functional.cosine_similarity(wanted[name].flatten(), got.flatten(), dim=0)
        assert cosine > 0.95, name
