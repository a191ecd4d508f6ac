from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.errors import InputError, OperationFailed
from workbench.models.encoders import build_encoder
from workbench.release.onnx_file import check_installed, probes, write_onnx


def test_a_vision_transformer_answers_the_same(tmp_path: Path) -> None:
    encoder = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, in_channels=2, seed=3).eval()
    encoder.set_normalisation([0.3, 0.4], 0.2)
    found = write_onnx(encoder, tmp_path / "v.onnx", (2, 32, 32), ["features"])
    assert 0 <= found.largest_relative < 1e-4 and found.batches == [1, 3, 8]
    assert (tmp_path / "v.onnx").stat().st_size > 1_000_000  # the weights are inside


def test_what_onnx_cannot_say_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    class Stubborn(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images if images.sum().item() > 1e9 else -images

    with pytest.raises(OperationFailed, match="cannot be written as ONNX"):
        write_onnx(Stubborn(), tmp_path / "s.onnx", (1, 8, 8), ["out"])
    assert not (tmp_path / "s.onnx").exists()


def test_the_probes_hold_black_white_and_noise() -> None:
    found = probes((1, 20, 12))
    assert found.shape == (12, 1, 20, 12) and found.min() == 0 and found.max() == 1
    assert (found[10] == 0).all() and (found[11] == 1).all() and found[0].std() > 0.2


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(InputError, match="needs the package onnxscript.*pip install"):
        check_installed()
