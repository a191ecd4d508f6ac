"""Number format and memory layout: measured once on each machine, not assumed."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from workbench.runs.status import write_json
from workbench.training.settings import LoopSettings

GAIN = 1.05
TIMED_STEPS = 4


@dataclass(frozen=True)
class Precision:
    """What to train with.

    Attributes:
        bf16: Autocast to bfloat16 (Kalamkar et al. 2019); weights and optimiser stay float32.
        channels_last: NHWC memory layout for convolutions.
    """

    bf16: bool
    channels_last: bool

    @property
    def name(self) -> str:
        """``fp32`` or ``bf16``."""
        return "bf16" if self.bf16 else "fp32"

    @property
    def lightning(self) -> str:
        """The name that Lightning's Trainer takes."""
        return "bf16-mixed" if self.bf16 else "32-true"


def choose_precision(settings: LoopSettings, kind: str, device: str = "cpu") -> Precision:
    """What the settings say, and what the measurement says where they leave it open.

    Args:
        settings: ``precision`` and ``channels_last`` are read.
        kind: ``"cnn"`` or ``"vit"``; the memory layout concerns only the first.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """
    bf16, channels_last = settings.precision == "bf16", settings.channels_last is True
    if settings.precision == "auto" or (settings.channels_last == "auto" and kind == "cnn"):
        best = best_precision(kind, device)
        bf16 = best.bf16 if settings.precision == "auto" else bf16
        channels_last = best.channels_last if settings.channels_last == "auto" else channels_last
    return Precision(bf16, channels_last and kind == "cnn")


def best_precision(kind: str = "cnn", device: str = "cpu") -> Precision:
    """The fastest combination on this machine, remembered in the user's cache folder.

    The first call for a machine takes about a second; a combination must win by 5 % to displace plain float32.
    """
    file = cache_folder() / "precision.json"
    key = f"{machine(device)} {kind}"
    known = _read(file)
    if key not in known:
        times = measure(kind, device)
        known = {**_read(file), key: {_combination(p): round(1000 * seconds, 3) for p, seconds in times.items()}}
        _remember(file, known)
    return fastest({_precision(name): float(ms) for name, ms in known[key].items()})


def fastest(times: dict[Precision, float]) -> Precision:
    """The combination with the least time, plain float32 where nothing beats it by 5 %."""
    plain = Precision(bf16=False, channels_last=False)
    best = min(times, key=lambda precision: times[precision])
    return best if times[best] * GAIN < times.get(plain, float("inf")) else plain


def measure(kind: str, device: str = "cpu") -> dict[Precision, float]:
    """Seconds per training step of a small network of the kind, by combination (the best of four steps each)."""
    layouts = (False, True) if kind == "cnn" else (False,)
    with torch.random.fork_rng(devices=[]):
        return {
            Precision(bf16, layout): _time(kind, device, bf16, layout)
            for layout in layouts
            for bf16 in ((False, True) if _has_bf16(device) else (False,))
        }


def machine(device: str) -> str:
    """What the measurement is valid for: processor or GPU, threads, torch."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()} torch {torch.__version__}"
    return f"{_processor()} {torch.get_num_threads()} threads torch {torch.__version__}"


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/workbench``, by default ``~/.cache/workbench``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"


def _time(kind: str, device: str, bf16: bool, channels_last: bool) -> float:
    network, images = _small_network(kind)
    network, images = network.to(device), images.to(device)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        images = images.contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(TIMED_STEPS):
        began = time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            loss = network(images).float().square().mean()
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return best


def _small_network(kind: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    if kind == "cnn":
        blocks: list[nn.Module] = [nn.Conv2d(1, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
            before = 64 if width == 64 else width // stride
            blocks += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), torch.rand(32, 1, 64, 64)
    layer = nn.TransformerEncoderLayer(192, 3, 768, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.rand(64, 32, 192)


def _has_bf16(device: str) -> bool:
    return torch.cuda.is_bf16_supported() if device == "cuda" else device == "cpu"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _combination(precision: Precision) -> str:
    return precision.name + (" channels_last" if precision.channels_last else "")


def _precision(name: str) -> Precision:
    return Precision(name.startswith("bf16"), name.endswith("channels_last"))


def _read(file: Path) -> dict[str, dict[str, float]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(file: Path, content: dict[str, dict[str, float]]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, content)
    except OSError:
        return  # a read-only home: measured again next time
