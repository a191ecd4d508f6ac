"""The signature under a cohort's contact sheet: a person looked for names on the pictures."""

from __future__ import annotations

import json

from workbench.cohort import decisions
from workbench.cohort.decisions import Act
from workbench.review.reviewed_model import ReviewedModel
from workbench.runs.workspace import Workspace

SHEETS = "contact_sheets.json"


def privacy_signature(workspace: Workspace, model: ReviewedModel) -> Act | None:
    """The signature under the latest contact sheet of the model's cohort, or None."""
    if not model.cohort:
        return None
    folder = workspace.cohort_dir(model.cohort)
    signed = decisions.confirmed(folder, "sheet")
    try:
        sheets = list(json.loads((folder / "private" / SHEETS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        sheets = list(signed)
    return signed.get(sheets[-1]) if sheets else None
