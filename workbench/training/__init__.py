"""The loop that pretraining and fine-tuning share: precision, schedules, checkpoints, exact resume, progress.

``fit(task, stream, settings)`` trains a :class:`TrainingTask`. Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.training.loop import FitResult as FitResult
    from workbench.training.loop import fit as fit
    from workbench.training.settings import LoopSettings as LoopSettings
    from workbench.training.settings import TrainSettings as TrainSettings
    from workbench.training.task import TrainingTask as TrainingTask

_HOMES = {
    "fit": "loop",
    "FitResult": "loop",
    "LoopSettings": "settings",
    "TrainSettings": "settings",
    "TrainingTask": "task",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.training' has no attribute '{name}'")
    return getattr(importlib.import_module(f"workbench.training.{_HOMES[name]}"), name)
