"""Which device trains, and a clear word where the one asked for is not there."""

from __future__ import annotations

import os

import torch

from workbench.errors import InputError
from workbench.training.settings import LoopSettings


def is_main_process() -> bool:
    """Whether this is the process that writes and prints: rank 0 of the processes that train together."""
    return all(int(os.environ.get(name, "0") or 0) == 0 for name in ("LOCAL_RANK", "NODE_RANK", "RANK"))


def available() -> str:
    """The devices of this machine in words, such as ``2 CPU cores, no GPU``."""
    cores = f"{os.cpu_count() or 1} CPU cores"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return f"{cores}, {len(names)} GPU ({', '.join(names)})"
    if torch.backends.mps.is_available():
        return f"{cores}, 1 Apple GPU"
    return f"{cores}, no GPU"


def choose_accelerator(settings: LoopSettings) -> str:
    """``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises:
        InputError: A GPU was asked for and there is none, or fewer than asked for.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if settings.accelerator == "cpu" or (settings.accelerator == "auto" and not gpus and not apple):
        return "cpu"
    if not gpus and not apple:
        raise InputError(
            f"A GPU was asked for, but this machine has {available()}.",
            where="train.accelerator=gpu",
            todo="Use train.accelerator=auto or cpu; `workbench doctor` tells what torch was built for.",
        )
    if settings.devices > max(gpus, 1):
        raise InputError(
            f"{settings.devices} GPUs were asked for, but this machine has {available()}.",
            where=f"train.devices={settings.devices}",
            todo=f"Use train.devices={max(gpus, 1)}.",
        )
    return "cuda" if gpus else "mps"
