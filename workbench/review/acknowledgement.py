"""The subgroup page was read: a person says so, about exactly the audit that they had before them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.review.queue import file_digest
from workbench.review.record_chain import Record, append, records
from workbench.review.reviewed_model import VERBS, ReviewedModel, read_json
from workbench.runs.workspace import Workspace

AUDIT = "audit.json"


@dataclass(frozen=True)
class Audit:
    """A subgroup audit of a model.

    Attributes:
        folder: Its run folder.
        digest: SHA-256 of its figures.
        read: The record that says who read it, or None.
    """

    folder: Path
    digest: str
    read: Record | None

    def figures(self) -> dict[str, Any]:
        """Its figures."""
        return read_json(self.folder / AUDIT)


def latest_audit(workspace: Workspace, model: ReviewedModel) -> Audit | None:
    """The latest finished audit of a model, or None."""
    found = [run for run in workspace.runs("audit") if (run / AUDIT).is_file() and _is_of(run, model)]
    if not found:
        return None
    folder = max(found, key=lambda run: ((run / AUDIT).stat().st_mtime_ns, run.name))
    digest = file_digest(folder / AUDIT)
    said = [
        record
        for record in records(workspace, kind="acknowledgement", subject=model.digest)
        if record.content.get("digest") == digest
    ]
    return Audit(folder, digest, said[-1] if said else None)


def acknowledge(workspace: Workspace, model: ReviewedModel, *, who: str) -> Record:
    """Record that a person has read the latest subgroup audit of a model.

    Raises:
        InputError: There is no audit of it.
    """
    audit = latest_audit(workspace, model)
    if audit is None:
        raise InputError(
            f"There is no subgroup audit of '{model.run_id}' that could be read.",
            todo=f"Make it first: workbench audit {model.run_id}",
        )
    content = {"page": "subgroups", "audit": audit.folder.name, "digest": audit.digest, "run": model.run_id}
    return append(workspace, "acknowledgement", model.digest, content, who=who)


def _is_of(run: Path, model: ReviewedModel) -> bool:
    """Whether an audit is of this model: of its run, and made after its weights."""
    source = read_json(run / AUDIT).get("source")
    if not isinstance(source, dict) or (source.get("kind"), source.get("run_id")) != (VERBS[model.kind], model.run_id):
        return False
    return model.changed <= (run / AUDIT).stat().st_mtime
