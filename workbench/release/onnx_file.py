"""A network as ONNX, checked against itself: what onnxruntime answers must be what torch answers."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.errors import InputError, OperationFailed

OPSET = 18
LARGEST_BATCH = 1024
TOLERANCE = 1e-4
"""Largest difference allowed, relative to the larger of 1 and the answer."""
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Parity:
    """How far onnxruntime's answers are from torch's.

    Attributes:
        outputs: Names.
        largest_difference: Over all outputs and pictures, absolute.
        largest_relative: The same, relative to the larger of 1 and the answer.
        tolerance: What was allowed.
        pictures: How many pictures were tried.
        batches: In batches of these sizes.
        opset: Of the file.
        versions: Of the libraries.
    """

    outputs: list[str]
    largest_difference: float
    largest_relative: float
    tolerance: float
    pictures: int
    batches: list[int]
    opset: int
    versions: dict[str, str]

    def plain(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


class Answers(nn.Module):
    """A classifier that gives logits and probabilities.

    Args:
        classifier: A :class:`workbench.models.classifier.Classifier`.
    """

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``(N, C, H, W)`` in [0, 1] to logits and probabilities, both ``(N, classes)``."""
        logits = self.classifier(images)
        return logits, self.classifier.probabilities(logits)


def check_installed() -> None:
    """See that the extra ``onnx`` is there.

    Raises:
        InputError: A package of it is absent.
    """
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"ONNX needs the package {absent[0]}, which is not installed.",
            todo="pip install 'medical-imaging-workbench[onnx]', or leave onnx out of formats.",
        )


def write_onnx(network: nn.Module, file: Path, shape: tuple[int, int, int], outputs: list[str]) -> Parity:
    """Write a network, with a free batch size, and check it.

    Args:
        network: Takes ``(N, C, H, W)`` in [0, 1].
        file: Where to; absent again if the check fails.
        shape: ``(C, H, W)``.
        outputs: Names of what it gives.

    Raises:
        InputError: The extra ``onnx`` is not installed.
        OperationFailed: The network cannot be written as ONNX, or answers differ by more than the tolerance.
    """
    check_installed()
    network.eval()
    example = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    quiet = logging.getLogger("torch.onnx")
    before = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode(False):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (example,), str(file), dynamo=True, opset_version=OPSET, input_names=["images"],
                output_names=outputs, external_data=False, dynamic_shapes=({0: batch},), verbose=False,
            )  # fmt: skip
    except Exception as error:
        file.unlink(missing_ok=True)
        raise OperationFailed(
            f"This network cannot be written as ONNX: {str(error).splitlines()[0]}",
            where=file,
            todo="Leave onnx out of formats.",
        ) from error
    finally:
        quiet.setLevel(before)
    try:
        return compare(network, file, shape, outputs)
    except OperationFailed:
        file.unlink(missing_ok=True)
        raise


def compare(network: nn.Module, file: Path, shape: tuple[int, int, int], outputs: list[str]) -> Parity:
    """Ask the file and the network the same.

    The pictures are noise, smooth noise, black and white, in batches of one, three and eight.

    Raises:
        OperationFailed: They differ by more than the tolerance, or the file cannot be run.
    """
    import onnxruntime

    images = probes(shape)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise OperationFailed("onnxruntime cannot open the ONNX file.", where=file) from error
    absolute = relative = 0.0
    batches, start = [1, 3, 8], 0
    for size in batches:
        part = images[start : start + size]
        start += size
        with torch.inference_mode():
            expected = network(torch.from_numpy(part))
        wanted = expected if isinstance(expected, tuple) else (expected,)
        found = session.run(outputs, {"images": part})
        for a, b in zip(wanted, found, strict=True):
            gap = np.abs(a.numpy() - np.asarray(b))
            absolute = max(absolute, float(gap.max()))
            relative = max(relative, float((gap / np.maximum(1.0, np.abs(a.numpy()))).max()))
    if not relative <= TOLERANCE:
        raise OperationFailed(
            f"onnxruntime answers differently from torch, by up to {relative:.2g} (allowed {TOLERANCE:g}).",
            where=file,
            todo="Leave onnx out of formats, and report it.",
        )
    versions = {name: str(__import__(name).__version__) for name in ("torch", *PACKAGES)}
    return Parity(outputs, absolute, relative, TOLERANCE, start, batches, OPSET, versions)


def probes(shape: tuple[int, int, int]) -> np.ndarray:
    """Twelve pictures to compare by, ``(12, C, H, W)`` float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    noise = rng.random((12, *shape), dtype=np.float32)
    channels, height, width = shape
    coarse = rng.random((5, channels, -(-height // 8), -(-width // 8)), dtype=np.float32)
    noise[5:10] = np.kron(coarse, np.ones((8, 8), np.float32))[:, :, :height, :width]
    noise[10], noise[11] = 0.0, 1.0
    return noise
