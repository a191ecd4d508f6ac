"""Convolutions over small maps and of few channels, at the speed of a matrix product on the CPU.

oneDNN's bfloat16 kernels work along a map's rows. Over maps of a few pixels (a ResNet's last stages at 64 px), for the
gradient of weights with a stride, and over images of one channel they reach a fraction of the processor's rate. Near
it run the same sums as one matrix product over unfolded windows (Chellapilla, Puri, Simard 2006); where every position
sees every other, as one dense layer; and a strided stem as a convolution over blocks of 2 x 2 pixels (space to depth).
``experiments/benchmarks/simclr_throughput.py`` shows what that makes of a training step. The result differs from
oneDNN's by the rounding of bfloat16 only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TINY_MAP = 4  # positions of the output up to which the forward pass is a matrix product
SMALL_MAP = 16  # up to which the gradient of the weights is one
SMALL_STRIDED_MAP = 64  # the same, for convolutions with a stride


class SmallMapConv2d(nn.Conv2d):
    """A convolution like any other, with the same parameters; only training in bfloat16 on the CPU goes another way."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """``(N, C, H, W)`` to ``(N, C', H', W')``."""
        if not self._fits(input):
            return super().forward(input)
        image, weight = input.to(torch.bfloat16), self.weight.to(torch.bfloat16)
        stride, padding = self.stride[0], int(self.padding[0])
        if stride == 2 and self.in_channels < 4 and not image.requires_grad:
            result = _over_blocks(image, weight, padding)
        elif stride == 1 and self.kernel_size[0] == 2 * padding + 1 and max(image.shape[2:]) <= padding + 1:
            result = _dense(image, weight)
        else:
            result = _SmallMap.apply(image, weight, stride, padding)
        return result if self.bias is None else result + self.bias.to(torch.bfloat16).view(1, -1, 1, 1)

    def _fits(self, image: Tensor) -> bool:
        return (
            image.device.type == "cpu"
            and torch.is_grad_enabled()
            and torch.is_autocast_enabled("cpu")
            and torch.get_autocast_dtype("cpu") == torch.bfloat16
            and self.groups == 1
            and self.dilation == (1, 1)
            and self.padding_mode == "zeros"
            and not isinstance(self.padding, str)
            and len({*self.stride}) == len({*self.padding}) == len({*self.kernel_size}) == 1
            and self.kernel_size[0] > int(self.padding[0])
        )


def use_small_map_convolutions(network: nn.Module) -> nn.Module:
    """Make every plain ``nn.Conv2d`` in a network a :class:`SmallMapConv2d`, in place; parameters stay as they are."""
    for module in network.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = SmallMapConv2d
    return network


class _SmallMap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.stride, ctx.padding = stride, padding
        kernel = weight.shape[-1]
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in image.shape[2:])
        if height * width > TINY_MAP:
            return functional.conv2d(image, weight, stride=stride, padding=padding)
        result = _windows(image, kernel, stride, padding) @ _rows(weight).t()
        return result.view(len(image), height, width, len(weight)).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        gradient = gradients[0]
        image, weight = ctx.saved_tensors
        stride, padding, kernel = ctx.stride, ctx.padding, weight.shape[-1]
        positions = gradient.shape[2] * gradient.shape[3]
        of_image, of_weight = ctx.needs_input_grad[:2]
        small = positions <= (SMALL_MAP if stride == 1 else SMALL_STRIDED_MAP)
        image_gradient, weight_gradient, _ = torch.ops.aten.convolution_backward(
            gradient, image, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1,
            [of_image, of_weight and not small, False],
        )  # fmt: skip
        if of_weight and small:
            positions_first = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight))
            flat = positions_first.t() @ _windows(image, kernel, stride, padding)
            weight_gradient = flat.view(len(weight), kernel, kernel, -1).permute(0, 3, 1, 2)
        return image_gradient, weight_gradient, None, None


def _windows(image: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """``(N, C, H, W)`` to ``(N H' W', kernel kernel C)``: what each output position sees, one row each."""
    image = functional.pad(image.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)).contiguous()
    number, height, width, channels = image.shape
    rows, columns = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    by_image, by_row, by_column, by_channel = image.stride()
    view = image.as_strided(
        (number, rows, columns, kernel, kernel, channels),
        (by_image, by_row * stride, by_column * stride, by_row, by_column, by_channel),
    )
    return view.reshape(number * rows * columns, kernel * kernel * channels)


def _rows(weight: Tensor) -> Tensor:
    """``(C', C, kernel, kernel)`` to ``(C', kernel kernel C)``; a view where the layout is channels-last."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def _dense(image: Tensor, weight: Tensor) -> Tensor:
    """A convolution over a map so small that every position sees every other: a linear layer of all channels."""
    number, channels, height, width = image.shape
    kernel, reach = weight.shape[-1], weight.shape[-1] // 2
    places = [(row, column) for row in range(height) for column in range(width)]
    taps = [(r - row + reach) * kernel + c - column + reach for row, column in places for r, c in places]
    by_tap = weight.permute(2, 3, 0, 1).reshape(kernel * kernel, len(weight), channels)
    matrix = by_tap.index_select(0, torch.tensor(taps)).view(len(places), len(places), len(weight), channels)
    matrix = matrix.transpose(1, 2).reshape(len(places) * len(weight), len(places) * channels)
    flat = image.permute(0, 2, 3, 1).reshape(number, -1) @ matrix.t()
    return flat.view(number, height, width, len(weight)).permute(0, 3, 1, 2)


def _over_blocks(image: Tensor, weight: Tensor, padding: int) -> Tensor:
    """A convolution of stride 2 as one of stride 1 over blocks of 2 x 2 pixels, each block four channels."""
    kernel = weight.shape[-1]
    height, width = ((side + 2 * padding - kernel) // 2 + 1 for side in image.shape[2:])
    wider = kernel + kernel % 2
    missing = [
        2 * (out - 1) + wider - side - padding for out, side in ((width, image.shape[3]), (height, image.shape[2]))
    ]
    image = functional.pad(image, (padding, missing[0], padding, missing[1]))
    weight = functional.pad(weight, (0, wider - kernel, 0, wider - kernel))
    blocks = functional.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
    kernels = functional.pixel_unshuffle(weight, 2).contiguous(memory_format=torch.channels_last)
    return functional.conv2d(blocks, kernels)
