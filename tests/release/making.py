"""A model that passes the gate, piece by piece, for tests of release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.app.fabricated import make_run
from tests.review.making import audit_of, make_cohort, make_model, open_one, read_all
from workbench.cohort import decisions
from workbench.release.model_card import write_fields
from workbench.review import sign_off
from workbench.review.acknowledgement import acknowledge
from workbench.review.reviewed_model import ReviewedModel
from workbench.runs.workspace import Workspace

FIELDS = {
    "intended_use": "Research on chest radiographs.", "not_for": "Diagnosis.", "labelled_by": "One radiologist.",
    "licence": "None; internal.", "contact": "Imaging research office.",
}  # fmt: skip
INTAKE = {
    "totals": {"scans": 80, "patients": 40, "studies": 40, "seen": 82, "used": 80, "refused": 2},
    "distributions": {"modality": {"DX": 78, "CR": 2}, "site": {"not stated": 80}, "scanner": {"Aurora": 80}},
    "missing": {"age_years": 3},
}
STEPS = ("privacy", "subgroups", "review", "card")


def make_all(workspace: Workspace, *, without: str = "", **facts: Any) -> ReviewedModel:
    """A classifier for which everything is there, but for one of ``STEPS``."""
    cohort = make_cohort(workspace)
    (cohort.folder / "intake.json").write_text(json.dumps(INTAKE))
    model = make_model(workspace, **facts)
    if without != "privacy":
        decisions.add(cohort.folder, "sign", "sheet", ["5hee7"], reason="no names seen", who="Dr Park")
    audit = make_run(workspace, "audit", "groups", {"model": model.run_id})
    (audit.path / "audit.json").write_text(json.dumps(audit_of(model.run_id)))
    if without != "subgroups":
        acknowledge(workspace, model, who="Dr Park")
    if without != "review":
        queue = open_one(workspace, model, cohort)
        read_all(workspace, queue)
        sign_off.sign(workspace, queue, who="Dr Lee", role="radiologist")
    if without != "card":
        write_fields(workspace, model, FIELDS, who="Dr Lee")
    return model


def real_classifier(folder: Path, **facts: Any) -> Path:
    """Real weights for a small classifier in a run folder that ``make_model`` made."""
    import torch

    from workbench.models.classifier import Classifier, save_classifier
    from workbench.models.encoders import build_encoder

    torch.manual_seed(0)
    encoder = build_encoder("resnet18_small", size=32, seed=0)
    encoder.set_normalisation(0.4, 0.3)
    classifier = Classifier(encoder, ["no", "yes"], "binary").eval()
    torch.nn.init.normal_(classifier.head.linear.weight, std=0.2)
    told = json.loads((folder / "classifier.json").read_text())
    return save_classifier(folder, classifier, {**told, **facts})
