"""The table of methods: what each is called, its settings, its views, and how its task is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from workbench.config import Settings
from workbench.errors import InputError
from workbench.pretraining.mae import Mae, MaeSettings
from workbench.pretraining.method import PretrainingTask
from workbench.pretraining.simclr import Simclr, SimclrSettings


@dataclass(frozen=True)
class Method:
    """One pretraining method.

    Attributes:
        name: As in ``method=NAME``; also the key of its settings.
        settings: Its settings model.
        build: ``build(encoder, augment, settings, fresh=, gather=)`` makes its task.
        encoder: The encoder taken when none is named.
        augment: Where its views differ from the augmentation's own defaults.
        meters: Which of ``knn`` and ``probe`` say something about its features.
    """

    name: str
    settings: type[Settings]
    build: Callable[..., PretrainingTask]
    encoder: str
    augment: Mapping[str, Any] = field(default_factory=dict)
    meters: tuple[str, ...] = ("knn", "probe")


def _simclr(
    encoder: nn.Module, augment: Callable[..., Tensor], settings: SimclrSettings, *, fresh: bool, gather: bool
) -> PretrainingTask:
    return Simclr(encoder, augment, settings, gather=gather)


def _mae(
    encoder: nn.Module, augment: Callable[..., Tensor], settings: MaeSettings, *, fresh: bool, gather: bool
) -> PretrainingTask:
    return Mae(encoder, augment, settings, fresh=fresh)


METHODS: dict[str, Method] = {
    "simclr": Method("simclr", SimclrSettings, _simclr, "resnet18"),
    "mae": Method(
        "mae",
        MaeSettings,
        _mae,
        "vit_tiny",
        # The paper, table 1e: crops suffice, and colour jitter does harm; hiding patches is augmentation enough.
        augment={
            "crop_scale": (0.6, 1.0),
            "rotation_deg": 5.0,
            "brightness": 0.0,
            "contrast": 0.0,
            "gamma": 0.0,
            "noise": 0.0,
            "blur": 0.0,
        },
        meters=("probe",),  # kNN is misleading for MAE: its features need a linear map (the paper, section 4.2)
    ),
}


def method_named(name: str) -> Method:
    """The method of a name.

    Raises:
        InputError: There is none.
    """
    if name not in METHODS:
        raise InputError(f"There is no method '{name}'.", where="method", todo=f"Known: {', '.join(METHODS)}.")
    return METHODS[name]
