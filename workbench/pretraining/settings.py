"""The settings of the verb ``pretrain``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from workbench.augmentation import AugmentSettings
from workbench.config import Settings
from workbench.pretraining.mae import MaeSettings
from workbench.pretraining.methods import METHODS
from workbench.pretraining.simclr import SimclrSettings
from workbench.training.settings import LoopSettings, TrainSettings


class PretrainSettings(Settings):
    """What to pretrain on, how, and how long."""

    method: Literal["simclr", "mae"] = Field(default="simclr", description="SimCLR (contrast) or MAE (inpainting).")
    cohort: str = Field(default="", description="Name of the cohort; its pool leaves out reserved test patients.")
    size: int = Field(default=64, ge=16, description="Side of the images, pixels: 64 for a CPU, 224 for a GPU.")
    encoder: str = Field(
        default="", description="Architecture; by default resnet18 for SimCLR and vit_tiny (the only kind) for MAE."
    )
    arguments: dict[str, Any] = Field(default={}, description="For the encoder, such as patch_size (pixels) of a ViT.")
    epochs: int = Field(default=100, ge=1, description="Passes over the pool.")
    batch_size: int = Field(default=128, ge=2, description="Scans per batch, over all devices.")
    seed: int = Field(default=0, description="Seed of weights, order, views and masks.")
    pool_share: float = Field(default=1.0, gt=0, le=1, description="Share of the pool's patients to learn from.")
    init_from: str = Field(
        default="",
        description="Start from these weights: a run, an encoder's folder, or a file of timm, torchvision, MAE, DINO.",
    )
    resume: str = Field(default="", description="Run id to continue exactly, with the settings that it has.")
    name: str = Field(default="", description="Name of the run; date, time and settings' digest by default.")
    log_pictures: bool = Field(
        default=False, description="Pictures of scans into MLflow, too, not the run folder alone."
    )
    meters: bool = Field(default=True, description="kNN and probe on labelled development patients after epochs.")
    train: LoopSettings = Field(default=LoopSettings(), description="The loop.")
    augment: AugmentSettings = Field(
        default=AugmentSettings(), description="Random views; methods have defaults of their own."
    )
    simclr: SimclrSettings = Field(default=SimclrSettings(), description="SimCLR's constants.")
    mae: MaeSettings = Field(default=MaeSettings(), description="MAE's constants.")

    @model_validator(mode="before")
    @classmethod
    def _take_the_methods_defaults(cls, values: Any) -> Any:
        """Fill in what the method would have and the user did not say: encoder and views."""
        if not isinstance(values, dict):
            return values
        method = METHODS.get(values.get("method", "simclr"))
        given = values.get("augment", {})
        if method is None or not isinstance(given, dict | AugmentSettings):
            return values
        given = given if isinstance(given, dict) else given.plain()
        return {
            **values,
            "encoder": values.get("encoder") or method.encoder,
            "augment": {**method.augment, **given},
        }

    def loop(self) -> TrainSettings:
        """The loop's settings with how much to train."""
        return TrainSettings(**self.train.model_dump(), epochs=self.epochs, batch_size=self.batch_size, seed=self.seed)
