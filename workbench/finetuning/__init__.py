"""End-to-end training of an encoder on labels, within a budget. Names are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.finetuning.arm import Finetuned as Finetuned
    from workbench.finetuning.arm import finetune_arm as finetune_arm
    from workbench.finetuning.arm import finetune_model as finetune_model
    from workbench.finetuning.settings import FinetuneSettings as FinetuneSettings

_HOMES = {"Finetuned": "arm", "finetune_arm": "arm", "finetune_model": "arm", "FinetuneSettings": "settings"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.finetuning' has no attribute '{name}'")
    return getattr(importlib.import_module(f"workbench.finetuning.{_HOMES[name]}"), name)
