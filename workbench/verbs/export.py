"""``workbench export``: a model's card, its release behind the gate, and its place in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.cohort.decisions import account
from workbench.config import Result, Settings, read_yaml
from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace


class ExportSettings(Settings):
    """Which model, what to make of it, and who wants it."""

    model: str = Field(description="A fine-tuning's or pretraining's run id, or its folder.")
    out: Path | None = Field(default=None, description="Folder to export to, absent or empty.")
    formats: list[str] = Field(
        default=["safetensors", "onnx", "mlflow"], description="What to write: safetensors, onnx, mlflow."
    )
    alias: Literal["", "candidate", "approved", "retired"] = Field(
        default="", description="What to call it in MLflow's registry."
    )
    registered: str = Field(default="", description="Name of the registered model; cohort and kind when empty.")
    card: Path | None = Field(default=None, description="YAML file with the card's fields that people fill in.")
    fields: dict[str, str] = Field(default={}, description="The same, given here: fields.contact='...' and so on.")
    who: str = Field(default="", description="Who says and wants this; the account's name when empty.")
    force_reason: str = Field(
        default="", description="Why to go on although something is missing; it is recorded for good."
    )


class ExportResult(Result):
    """What is there, what is missing, what was made."""

    model: str
    kind: str
    conditions: list[dict[str, Any]]
    missing: list[str]
    card: str
    out: str = ""
    parity: dict[str, dict[str, Any]] = {}
    registered: str = ""
    version: str = ""
    alias: str = ""
    override: int = 0
    head: str = ""

    def summary(self) -> str:
        """The gate, line by line; then what was made."""
        lines = [f"{self.kind.capitalize()} '{self.model}':"]
        lines += [f"  {'yes' if c['met'] else 'NO '}  {c['title']}: {c['sentence']}" for c in self.conditions]
        lines += [f"       What to do: {c['todo']}" for c in self.conditions if not c["met"] and c["todo"]]
        lines.append(f"Card: {self.card}")
        if self.override:
            lines.append(f"Something was missing; the reason is record {self.override} of the chain.")
        if self.out:
            lines.append(f"Exported: {self.out}")
        for name, found in self.parity.items():
            lines.append(
                f"  {name}: largest difference from torch {found['largest_difference']:.2g} on {found['pictures']} "
                f"pictures (allowed {found['tolerance']:g}, relative)."
            )
        if self.alias:
            lines.append(f"Registry: {self.registered} version {self.version} is now '{self.alias}'.")
        if self.out or self.alias:
            lines.append(f"Last record of the chain, to be kept elsewhere: {self.head}")
        return "\n".join(lines)


def export(settings: ExportSettings, *, workspace: Workspace, progress: Progress | None = None) -> ExportResult:
    """Write the card and see what is missing; with ``out`` export, with ``alias`` register; both go through the gate.

    The card lies in the model's run folder afterwards, as ``card.md`` and ``card.html``, complete or not.

    Raises:
        InputError: No such model, something is missing and no reason is given, or the folder is not empty.
        OperationFailed: ONNX answers differently, or a file or the registry cannot be written.
    """
    from workbench.release.card_page import as_html, as_markdown
    from workbench.release.gate import conditions, pass_gate
    from workbench.release.model_card import make_card, write_fields
    from workbench.review.record_chain import verify
    from workbench.review.reviewed_model import find_model
    from workbench.runs.status import write_text

    progress = progress or Progress(quiet=True)
    model = find_model(settings.model, workspace)
    who = settings.who or account()
    written = {**(read_yaml(settings.card) if settings.card else {}), **settings.fields}
    if written:
        write_fields(workspace, model, written, who=who)
    out = settings.out.expanduser().absolute() if settings.out else None
    if out:
        from workbench.release.package import check_target

        check_target(out, settings.formats)
    card = make_card(workspace, model)
    file = model.folder / "card.md"
    write_text(file, as_markdown(card))
    write_text(file.with_suffix(".html"), as_html(card))
    override = None
    if out or settings.alias == "approved":
        wanted = {"export": out is not None, "alias approved": settings.alias == "approved"}
        purpose = " and ".join(name for name, asked in wanted.items() if asked)
        override = pass_gate(workspace, model, purpose, who=who, force_reason=settings.force_reason)
    elif settings.force_reason:
        raise InputError("There is nothing to force.", where="force_reason", todo="Say out=FOLDER or alias=approved.")
    found = conditions(workspace, model, card)
    told = [{"name": c.name, "title": c.title, "met": c.met, "sentence": c.sentence, "todo": c.todo} for c in found]
    result = ExportResult(
        model=model.run_id,
        kind=model.kind,
        conditions=told,
        missing=[c.sentence for c in found if not c.met],
        card=str(file),
        override=override.number if override else 0,
    )
    if out:
        _package(workspace, settings, model, card, out, who, result, override, progress)
    if settings.alias:
        from workbench.release.registry import say

        named = say(
            workspace, model, settings.alias, settings, who=who, name=settings.registered, override=result.override
        )
        result.registered, result.version, result.alias = named.name, named.version, named.alias
    result.head = verify(workspace).head
    return result


def _package(
    workspace: Workspace,
    settings: ExportSettings,
    model: Any,
    card: Any,
    out: Path,
    who: str,
    result: ExportResult,
    override: Any,
    progress: Progress,
) -> None:
    """Write the folder and record it."""
    from workbench.release.package import write_package
    from workbench.review.record_chain import append, verify

    stated = {
        "who": who,
        "conditions": result.conditions,
        "override": {"record": override.number, "reason": override.content["reason"]} if override else None,
        "chain_head": verify(workspace).head,
    }
    content = write_package(model, card, out, settings.formats, stated, progress.log)
    parity = {name: found["largest_relative"] for name, found in content["parity"].items()}
    said = {
        "run": model.run_id, "formats": settings.formats, "parity": parity, "folder": out.name,
        "override": override.number if override else None,
    }  # fmt: skip
    append(workspace, "export", model.digest, said, who=who)
    result.out, result.parity = str(out), content["parity"]
