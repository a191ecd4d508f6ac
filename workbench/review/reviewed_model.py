"""The model that people speak about: which run made it, and the SHA-256 of its weights, by which records name it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.config import read_yaml
from workbench.errors import InputError
from workbench.runs.workspace import Workspace

CLASSIFIER, ENCODER = "classifier", "encoder"
VERBS = {CLASSIFIER: "finetune", ENCODER: "pretrain"}
METRICS = "metrics.json"


@dataclass(frozen=True)
class ReviewedModel:
    """A classifier or an encoder on disk, without its weights in memory.

    Attributes:
        kind: ``classifier`` or ``encoder``.
        folder: Holds ``<kind>.safetensors`` and ``<kind>.json``.
        facts: The contents of ``<kind>.json``.
        settings: Of the run that made it; empty where they are not at hand.
        metrics: Metric to value and interval, on the reserved patients; empty for an encoder.
    """

    kind: str
    folder: Path
    facts: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run that made it."""
        return str(self.facts.get("run_id") or self.folder.name)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights file, in hexadecimal: the subject of all records about the model."""
        return str(self.facts["weights_sha256"])

    @property
    def cohort(self) -> str:
        """Name of the cohort that it was made from."""
        return str(self.facts.get("cohort") or self.settings.get("cohort") or "")

    @property
    def classes(self) -> list[str]:
        """The classes that it tells apart; none for an encoder."""
        return [str(name) for name in self.facts.get("classes", [])]

    @property
    def task(self) -> str:
        """``binary``, ``multiclass``, ``ordinal`` or ``multilabel``; empty for an encoder."""
        return str(self.facts.get("task", ""))

    @property
    def weights(self) -> Path:
        """Its weights file."""
        return self.folder / f"{self.kind}.safetensors"

    @property
    def changed(self) -> float:
        """When its description was written, Unix time: the weights are never newer."""
        return (self.folder / f"{self.kind}.json").stat().st_mtime

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run folder; empty where there is none."""
        return read_json(self.folder / name)


def find_model(model: str | Path, workspace: Workspace, kind: str = "") -> ReviewedModel:
    """A model by its run id or folder.

    Args:
        model: A fine-tuning's or pretraining's run id, or a folder with ``classifier.json`` or ``encoder.json``.
        workspace: Where runs lie.
        kind: ``classifier`` or ``encoder``, if only such will do.

    Raises:
        InputError: There is none, or its description is damaged.
    """
    kinds = (kind,) if kind else (CLASSIFIER, ENCODER)
    given = Path(model).expanduser()
    for name in kinds:
        runs = [run for run in workspace.runs(VERBS[name]) if run.name == str(model)]
        for folder in (given, workspace.root / given, *runs):
            if (folder / f"{name}.json").is_file():
                return _read(folder.resolve(), name)
    known = [run.name for name in kinds for run in workspace.runs(VERBS[name]) if (run / f"{name}.json").is_file()]
    what = kind or "model"
    raise InputError(
        f"There is no {what} '{model}'.",
        where=workspace.runs_dir,
        todo=f"Known: {', '.join(known[-5:])}."
        if known
        else f"Make one with 'workbench {VERBS[kind or CLASSIFIER]}'; nearest neighbours leave no model.",
    )


def models(workspace: Workspace) -> list[ReviewedModel]:
    """All models of the workspace whose descriptions can be read: classifiers first, then encoders, by name."""
    found = []
    for kind, verb in VERBS.items():
        for run in workspace.runs(verb):
            if (run / f"{kind}.json").is_file():
                try:
                    found.append(_read(run, kind))
                except InputError:
                    continue
    return found


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is absent or damaged."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _read(folder: Path, kind: str) -> ReviewedModel:
    facts = read_json(folder / f"{kind}.json")
    if not facts.get("weights_sha256"):
        raise InputError(f"The description of the {kind} is damaged.", where=folder / f"{kind}.json")
    try:
        settings: Mapping[str, Any] = read_yaml(folder / "settings.yaml")
    except InputError:
        settings = {}
    metrics = {name: entry for name, entry in read_json(folder / METRICS).items() if isinstance(entry, dict)}
    return ReviewedModel(kind, folder, facts, dict(settings), metrics)
