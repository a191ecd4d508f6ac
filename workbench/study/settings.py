"""The settings of the verb ``study``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from workbench.config import Settings
from workbench.finetuning.settings import FinetuneSettings
from workbench.study.draws import ALL, SCANS_PER_PATIENT

# What a setting's path on the command line and a parameter's name in MLflow both allow.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _:/-]{0,39}")
Protocol = Literal["probe", "knn", "finetune"]


class ArmSettings(Settings):
    """One way to start: an encoder, or features made by any other model."""

    encoder: str = Field(
        default="",
        description="A pretraining's run id or folder, ARCHITECTURE@FILE, scratch:ARCHITECTURE (trained from scratch), "
        "random:ARCHITECTURE (random frozen features), pixels, or pca.",
    )
    features: Path | None = Field(
        default=None, description="A file with scan_id and features (N, D), .npz or .parquet, in place of an encoder."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ArmSettings:
        if bool(self.encoder) == bool(self.features):
            raise ValueError("an arm has either an encoder or a features file")
        return self


class StudySettings(Settings):
    """What to compare, at how many labels, how often."""

    cohort: str = Field(description="Name of the cohort.")
    arms: dict[str, ArmSettings] = Field(description="Name of each arm to its encoder or features.")
    reference: str = Field(
        default="scratch",
        description="Arm that others are compared with. Where it is scratch, each encoder is compared with its own "
        "architecture fine-tuned from scratch at the same labels, under every protocol; that arm is added if none is "
        "it. Where nothing is fine-tuned, random features of the architecture stand in.",
    )
    protocols: list[Protocol] = Field(
        default=["probe", "knn", "finetune"],
        description="How an arm is used: linear probe or kNN on frozen features, or fine-tuned end to end.",
    )
    headline_protocol: Protocol | None = Field(
        default=None, description="Protocol whose verdict is the study's; by default the first of 'protocols'."
    )
    budgets: list[int | str] = Field(
        default=[10, 25, 50, 100, 250, ALL], description="Labels at each point of the curve; 'all' for all there are."
    )
    budget_unit: Literal["patients", "scans"] = Field(default="patients", description="What a budget counts.")
    draws: int = Field(default=20, ge=2, description="Random choices of the labels per budget, for probe and kNN.")
    finetune_budgets: list[int | str] | None = Field(
        default=None, description="Budgets to fine-tune at; all of them by default."
    )
    finetune_draws: int = Field(default=5, ge=2, description="Random choices of the labels per fine-tuned budget.")
    unit: Literal["scan", "exam", "patient"] = Field(
        default="scan", description="What an answer is about: scores of its scans are pooled by their mean."
    )
    scans_per_patient: int = Field(
        default=SCANS_PER_PATIENT, ge=0, description="Most labelled scans used per patient; 0 for all."
    )
    size: int = Field(default=64, ge=16, description="Side at which encoders see the images, pixels.")
    labels: str = Field(default="", description="Version of the labels; the latest by default.")
    targets: list[Annotated[float, Field(gt=0.5, lt=1)]] = Field(
        default=[], description="AUCs whose price in labels is forecast, where the curve allows it."
    )
    margin: float = Field(default=0.01, gt=0, description="Difference of the AUC that matters.")
    seed: int = Field(default=0, description="Seeds the draws, the folds and the fine-tuning.")
    allow_transductive: bool = Field(
        default=False, description="Go on with an encoder that saw test scans; every figure then says so."
    )
    name: str = Field(default="", description="Name of the run; the same name and settings continue it.")
    finetune: FinetuneSettings = Field(default=FinetuneSettings(), description="How to fine-tune.")

    @field_validator("budgets", "finetune_budgets")
    @classmethod
    def _budgets_make_sense(cls, value: list[int | str] | None) -> list[int | str] | None:
        for budget in value or []:
            if isinstance(budget, str) and budget != ALL:
                raise ValueError(f"'{budget}' is no number of labels, and not '{ALL}'")
            if isinstance(budget, int) and budget < 2:
                raise ValueError("a budget is at least 2 labels")
        if value is not None and (not value or len(set(map(str, value))) < len(value)):
            raise ValueError("budgets must be given, each once")
        return value

    @field_validator("arms")
    @classmethod
    def _arms_are_given(cls, value: dict[str, ArmSettings]) -> dict[str, ArmSettings]:
        if not value:
            raise ValueError("at least one arm is needed")
        for name in value:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"'{name}' cannot be the name of an arm: use letters A-Z, digits, spaces and _ - : /, 40 at most"
                )
        return value

    @model_validator(mode="after")
    def _headline_is_run(self) -> StudySettings:
        if self.headline_protocol and self.headline_protocol not in self.protocols:
            raise ValueError("headline_protocol must be one of protocols")
        return self

    @property
    def headline(self) -> Protocol:
        """The protocol whose verdict is the study's."""
        return self.headline_protocol or self.protocols[0]

    def budgets_of(self, protocol: str) -> list[int | str]:
        """The budgets of a protocol, in the order given."""
        if protocol == "finetune" and self.finetune_budgets is not None:
            return self.finetune_budgets
        return self.budgets

    def draws_of(self, protocol: str, budget: int | str) -> int:
        """How often a budget is drawn: one choice when it is everything, but several trainings."""
        if protocol == "finetune":
            return self.finetune_draws
        return 1 if budget == ALL else self.draws
