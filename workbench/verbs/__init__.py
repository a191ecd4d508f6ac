"""The table of verbs: name, what it does, and which settings may be given by position.

A verb is one file of this package with a settings model, a function and a result model. The table is plain data, so
that ``workbench --help`` imports nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: As typed, with hyphens.
        summary: What it does, in one line.
        positionals: Settings that may be given by position; the last one takes all that remain if it ends in ``...``.
        config: Whether the first ``*.yaml`` word is read as its settings file.
        module: File in this package; the name with underscores when empty.
        section: Where it stands in the help.
    """

    name: str
    summary: str
    positionals: tuple[str, ...] = ()
    config: bool = False
    module: str = ""
    section: str = "Data"

    @property
    def function_name(self) -> str:
        """The name of its function, and of its file unless ``module`` says otherwise."""
        return self.name.replace("-", "_")

    def load(self) -> tuple[type[Any], Callable[..., Any]]:
        """Import the verb: its settings model and its function."""
        module = importlib.import_module(f"workbench.verbs.{self.module or self.function_name}")
        camel = "".join(part.capitalize() for part in self.function_name.split("_"))
        return getattr(module, f"{camel}Settings"), getattr(module, self.function_name)


_ALL = (
    Verb("demo", "makes a phantom cohort and runs everything on it", section="Start here", config=True),
    Verb("doctor", "checks this machine: versions, devices, decoders, disk", section="Start here"),
    Verb("app", "opens the app, with its worker, on 127.0.0.1", section="Start here"),
    Verb("mlflow", "opens the MLflow UI on 127.0.0.1", module="mlflow_ui", section="Start here"),
    Verb("import-images", "turns labelled PNG/JPEG images into DICOM plus a label file", ("folder", "labels")),
    Verb("import-medmnist", "turns a MedMNIST set into DICOM plus a label file", ("name",)),
    Verb("fetch", "brings scans from a PACS (DICOMweb, or C-FIND with C-MOVE or C-GET)", ("server", "out")),
    Verb("index", "walks folders, zips, DICOMDIRs into a cohort", ("sources...",)),
    Verb("decide", "shows findings and records decisions on them", ("cohort", "action")),
    Verb("label", "joins a label table to a cohort", ("cohort", "labels")),
    Verb("split", "shows or changes the patient-disjoint split", ("cohort",)),
    Verb("prepare", "decodes a cohort once into a memory-mapped store", ("cohort",)),
    Verb("pretrain", "trains an encoder without labels (SimCLR, MAE)", config=True, section="Learn and test"),
    Verb("embed", "writes the features of a cohort's scans", ("cohort", "encoder"), section="Learn and test"),
    Verb("finetune", "trains a classifier on labels", config=True, section="Learn and test"),
    Verb("predict", "scores scans with a classifier", ("model", "sources..."), section="Learn and test"),
    Verb("study", "how many labels are needed, and did pretraining save any", config=True, section="Learn and test"),
    Verb("audit", "for whom it works less well, and how far to trust it", ("source",), section="Learn and test"),
    Verb("propose", "what to label next, and whether choosing helps", ("cohort",), section="Learn and test"),
    Verb("review", "cases of a model to an expert: queue, answers, new labels", ("queue",), section="Use"),
    Verb("signoff", "a person reads, reviews and signs; checks the chain of records", ("model",), section="Use"),
    Verb("export", "a model's card, its release behind the gate, the registry", ("model",), section="Use"),
    Verb("sweep", "runs a grid of the above, resumable", config=True, section="Learn and test"),
    Verb("worker", "runs the jobs that the app asks for", section="Serve"),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ALL}
