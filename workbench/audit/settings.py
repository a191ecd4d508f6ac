"""The settings of the verb ``audit``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from workbench.config import Settings


class AuditSettings(Settings):
    """What to audit, by which groups, and where it would be used."""

    source: str = Field(description="Run id or folder of a study, a fine-tuning, or a prediction run on a cohort.")
    arm: str = Field(default="", description="Arm of a study; by default the first pretrained one with a verdict.")
    protocol: Literal["", "probe", "knn", "finetune"] = Field(
        default="", description="Protocol of a study; its headline by default."
    )
    budget: str = Field(default="", description="Labels at which claims are made; by default the most that were tried.")
    labels: str = Field(default="", description="Version of the labels, for a prediction run; the latest by default.")
    positive: str = Field(
        default="", description="Classes that count as disease, separated by commas; chosen by their names when empty."
    )
    attributes: list[str] = Field(
        default=[],
        description="Header fields and label columns to group by; sex, age, manufacturer, scanner, site, view and all "
        "kept label columns when empty.",
    )
    cross: list[str] = Field(default=[], description="Combinations to group by as well, such as sex*age.")
    specificity: float = Field(default=0.9, gt=0, lt=1, description="Specificity wanted at the operating point.")
    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of disease where the model would be used; that of the labels when empty.",
    )
    act_from: float = Field(default=0.05, gt=0, lt=1, description="Lowest probability on which somebody would act.")
    act_to: float = Field(default=0.5, gt=0, lt=1, description="Highest such probability.")
    alpha: float = Field(
        default=0.1, gt=0, lt=0.5, description="Share of cases of each class whose prediction set may miss it."
    )
    review: int = Field(default=50, ge=0, description="Labels to propose for a second look; 0 for none.")
    balanced: bool = Field(
        default=True, description="Train probes in which attribute and label are unrelated, to see what is lost."
    )
    replicates: int = Field(default=1000, ge=100, description="Bootstrap replicates.")
    seed: int = Field(default=0, description="Seeds folds, bootstraps and simulations.")
    name: str = Field(default="", description="Name of the run; the date and time when empty.")

    @model_validator(mode="after")
    def _range_is_one(self) -> AuditSettings:
        if self.act_from >= self.act_to:
            raise ValueError("act_from must be below act_to")
        return self
