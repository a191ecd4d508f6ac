"""``workbench demo``: makes a phantom cohort and runs every stage on it, in a few minutes on two cores."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.config import Result, Settings, load_settings
from workbench.runs.progress import Progress, duration
from workbench.runs.status import RunStatus
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

COHORT = "phantom"


class DemoSettings(Settings):
    """Size of the demo. The difficulty was set with the from-scratch arm alone (see docs/explanation/demo.md)."""

    patients: int = Field(default=500, ge=40, description="Phantom patients; each has 2.4 images on average.")
    seed: int = Field(default=0, description="Seeds the phantom, the trainings and the study.")
    lesion_cm: float = Field(default=7.0, gt=0, description="Soft-tissue path of the opacity, cm; smaller is harder.")
    pixels: int = Field(default=160, ge=64, description="Longest side of the images written, pixels.")
    size: int = Field(default=48, ge=32, description="Side at which encoders see the images, pixels.")
    simclr_epochs: int = Field(default=15, ge=1, description="Passes over the pool for SimCLR.")
    mae_epochs: int = Field(default=20, ge=1, description="Passes over the pool for MAE.")
    budgets: list[int | str] = Field(default=[10, 25, 50, 100, "all"], description="Labelled patients, per point.")
    draws: int = Field(default=20, ge=2, description="Random choices of the labelled patients, per point.")
    finetune_budgets: list[int | str] = Field(default=[25, 100], description="Points at which to fine-tune as well.")
    finetune_draws: int = Field(default=2, ge=2, description="Random choices per fine-tuned point.")
    finetune_steps: int = Field(default=100, ge=1, description="Optimiser steps of each fine-tuning.")


class DemoResult(Result):
    """Where to look."""

    verdict: str
    report: str
    seconds: float
    commands: list[str]
    study: dict[str, Any]

    def summary(self) -> str:
        """The verdict, the report and the commands that open the two user interfaces."""
        lines = ["", self.verdict, "", f"Report: {self.report}", f"Time: {duration(self.seconds)}", "", "Look around:"]
        return "\n".join([*lines, *(f"  {command}" for command in self.commands)])


def demo(settings: DemoSettings, *, workspace: Workspace, progress: Progress | None = None) -> DemoResult:
    """Run every stage on a phantom cohort: index, label, prepare, SimCLR, MAE, study.

    A second call with the same settings reuses the finished stages. Phantoms have no identity, so the site key is one
    that everybody knows, and the split is the same on every machine.
    """
    progress = progress or Progress()
    began = time.monotonic()
    workspace.root.mkdir(parents=True, exist_ok=True)
    _public_key(workspace.root)
    with workspace.own_site_key():
        study = _stages(settings, workspace, progress)
    where = f"--workspace {workspace.root}"
    return DemoResult(
        verdict=study["verdict"],
        report=study["report"],
        seconds=time.monotonic() - began,
        commands=[f"workbench app {where}", f"workbench mlflow {where}"],
        study=study,
    )


def _stages(settings: DemoSettings, workspace: Workspace, progress: Progress) -> dict[str, Any]:
    from workbench.sources.phantom_cohort import make_cohort

    source = workspace.root / "phantom"
    progress.log(f"1 of 6  Making radiographs of {settings.patients} phantom patients")
    made = make_cohort(
        source,
        patients=settings.patients,
        seed=settings.seed,
        lesion_cm=settings.lesion_cm,
        pixels=settings.pixels,
        progress=progress,
    )

    def call(verb: str, run_name: str = "", **values: Any) -> dict[str, Any]:
        model, function = VERBS[verb].load()
        resolved = load_settings(model, values=values | ({"name": run_name} if run_name else {}))
        if run_name and (found := _finished(workspace, verb, run_name, resolved)):
            progress.log(f"        {verb} {run_name} was finished before")
            return found
        result = function(resolved, workspace=workspace, progress=progress)
        if verb != "study":
            progress.log("        " + result.summary().replace("\n", "\n        "))
        plain = result.model_dump(mode="json", by_alias=True)
        if run_name:
            _remember(workspace, verb, run_name, resolved, plain)
        return plain

    progress.log("2 of 6  Indexing the files, joining the labels")
    call("index", sources=[str(made.folder)], cohort=COHORT)
    call("label", cohort=COHORT, labels=str(made.labels), key="sop", column="lesion")
    progress.log("3 of 6  Decoding the scans once")
    call("prepare", cohort=COHORT, size=settings.size)
    shared = {"cohort": COHORT, "size": settings.size, "seed": settings.seed}
    progress.log("4 of 6  Learning without labels: SimCLR")
    simclr = call(
        "pretrain", "demo-simclr", method="simclr", **shared, epochs=settings.simclr_epochs, log_pictures=True
    )
    progress.log("5 of 6  Learning without labels: MAE")
    mae = call("pretrain", "demo-mae", method="mae", **shared, epochs=settings.mae_epochs, log_pictures=True)
    progress.log("6 of 6  How many labels? The study")
    return call(
        "study",
        "demo-study",
        **shared,
        arms={
            "scratch": {"encoder": "scratch:resnet18"},
            "SimCLR": {"encoder": simclr["run_id"]},
            "MAE": {"encoder": mae["run_id"]},
        },
        reference="scratch",
        protocols=["probe", "knn", "finetune"],
        budgets=settings.budgets,
        draws=settings.draws,
        finetune_budgets=settings.finetune_budgets,
        finetune_draws=settings.finetune_draws,
        unit="scan",
        # A view that loses the opacity would carry a wrong label, so crops are gentle.
        finetune={"steps": settings.finetune_steps, "batch_size": 32, "augment": {"crop_scale": [0.8, 1.0]}},
    )


def _public_key(root: Path) -> None:
    file = root / "site.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(hashlib.sha256(b"phantoms have no identity").digest())


def _memory(workspace: Workspace, verb: str, name: str) -> Path:
    return workspace.runs_dir / verb / name / "result.json"


def _remember(workspace: Workspace, verb: str, name: str, settings: Settings, result: dict[str, Any]) -> None:
    from workbench.runs.status import write_json

    if _memory(workspace, verb, name).parent.is_dir():
        write_json(_memory(workspace, verb, name), {"settings_digest": settings.digest(), "result": result})


def _finished(workspace: Workspace, verb: str, name: str, settings: Settings) -> dict[str, Any] | None:
    import json

    file = _memory(workspace, verb, name)
    if not file.exists() or RunStatus.read(file.parent).state != "finished":
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return content["result"] if content["settings_digest"] == settings.digest() else None
