from __future__ import annotations

import pytest
import torch

from workbench.errors import InputError
from workbench.training.devices import available, choose_accelerator, is_main_process
from workbench.training.settings import LoopSettings


def gpus(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU-{index}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)


def test_a_gpu_asked_for_and_absent_names_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    with pytest.raises(InputError, match="this machine has 4 CPU cores, no GPU.*train.accelerator=auto"):
        choose_accelerator(LoopSettings(accelerator="gpu"))
    assert choose_accelerator(LoopSettings()) == choose_accelerator(LoopSettings(accelerator="cpu")) == "cpu"


def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    assert available() == "4 CPU cores, 2 GPU (GPU-0, GPU-1)"
    assert choose_accelerator(LoopSettings(devices=2)) == "cuda"
    assert choose_accelerator(LoopSettings(accelerator="cpu", devices=3)) == "cpu"
    with pytest.raises(InputError, match="3 GPUs were asked for.*train.devices=2"):
        choose_accelerator(LoopSettings(devices=3))


def test_an_apple_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert available() == "4 CPU cores, 1 Apple GPU"
    assert choose_accelerator(LoopSettings()) == "mps"


def test_main_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCAL_RANK", "NODE_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    assert is_main_process()
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_main_process()
    monkeypatch.setenv("NODE_RANK", "1")
    assert not is_main_process()
