"""How an encoder is trained end to end on few labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.augmentation.settings import AugmentSettings
from workbench.config import Settings
from workbench.training.settings import LoopSettings

STEPS_BY_LABELS = ((50, 200), (500, 500))
MOST_STEPS = 1000
FEW_LABELS = 500
SMALL_BATCH, LARGE_BATCH, LEAST_BATCH = 16, 32, 8
KEEP_OF_FEW, KEEP_OF_MANY = 0.5, 1.0


class FinetuneSettings(Settings):
    """Fine-tuning within a budget; the same for every arm, so that arms can be compared."""

    steps: int = Field(
        default=0,
        ge=0,
        description="Optimiser steps; 0 goes by the number of labelled scans: 200 up to 50, 500 up to 500, else 1,000 "
        "(after BiT-HyperRule, Kolesnikov et al. 2020).",
    )
    epochs: int = Field(
        default=0, ge=0, description="Passes over the labelled scans, in place of ``steps``; 0 goes by those."
    )
    scratch_steps: float = Field(
        default=1.0, ge=0.1, le=10, description="Steps of an arm from scratch, as a multiple of the others'."
    )
    batch_size: int = Field(
        default=0,
        ge=0,
        description="Scans per step; 0: 16 up to 500 labelled scans, else 32. At most half as many as there are "
        "labels, but no fewer than 8.",
    )
    layer_decay: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="Each layer nearer the input learns this much slower (BEiT, Bao et al. 2022; MAE has 0.65 to 0.75 "
        "for ViT). From scratch all layers learn alike.",
    )
    ema: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="Decay per step of the moving average of the weights that is kept; 0: none.",
    )
    start_from_probe: bool = Field(
        default=True, description="Start the head from the fitted linear probe (LP-FT, Kumar et al. 2022)."
    )
    keep: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far the weights go from the probe on frozen features (0) to the fine-tuned end (1; "
        "WiSE-FT, Wortsman et al. 2022). Not given: 0.5 up to 500 labelled scans, else 1; or by "
        "cross-validation (``folds``).",
    )
    folds: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Trainings on parts of the budget, patients whole, by whose held-out scans ``keep`` and the "
        "operating point are chosen; 0: none, which takes a fraction of the time.",
    )
    tune: bool = Field(
        default=False,
        description="Choose the learning rate, too (itself, a third, three times), from 50 labels on, in 3 folds "
        "unless ``folds`` says otherwise: ten trainings in place of one.",
    )
    select: Literal["last", "best"] = Field(
        default="last",
        description="Which weights are kept: the last ones, or those with the best AUC on the validation scans.",
    )
    validate_every: int = Field(
        default=0, ge=0, description="Optimiser steps between looks at the validation scans; 0: one pass."
    )
    train: LoopSettings = Field(default=LoopSettings(), description="The loop.")
    augment: AugmentSettings = Field(default=AugmentSettings(), description="Strength of the random views.")

    def batch_size_for(self, labels: int) -> int:
        """Scans per step for a number of labelled scans."""
        wanted = self.batch_size or (SMALL_BATCH if labels <= FEW_LABELS else LARGE_BATCH)
        return max(min(wanted, labels // 2), LEAST_BATCH)

    def steps_per_pass(self, labels: int) -> int:
        """Optimiser steps that see every labelled scan once."""
        return -(-labels // (self.batch_size_for(labels) * self.train.accumulate))

    def keep_for(self, labels: int, *, scratch: bool) -> float:
        """How far to go from the probe to the trained end, where it is not chosen by cross-validation."""
        if scratch:
            return 1.0
        if self.keep is not None:
            return self.keep
        return KEEP_OF_FEW if labels <= FEW_LABELS else KEEP_OF_MANY

    def steps_for(self, labels: int, *, scratch: bool) -> int:
        """Optimiser steps for a number of labelled scans."""
        asked = self.epochs * self.steps_per_pass(labels) or self.steps
        steps = asked or next((steps for most, steps in STEPS_BY_LABELS if labels <= most), MOST_STEPS)
        return max(1, round(steps * self.scratch_steps)) if scratch else steps
