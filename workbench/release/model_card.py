"""The model card: written from what the run, the cohort, the audit and the review left, and from what people add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError
from workbench.release import card_facts
from workbench.release.card_fields import BY_PEOPLE, FIELDS, Field
from workbench.review.record_chain import Record, append, records
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel
from workbench.runs.workspace import Workspace

HEADLINE = ("auc", "balanced_accuracy", "accuracy")
LONGEST = 4000


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes:
        model: What it is about.
        texts: Field name to Markdown; fields that nobody filled in are absent.
        missing: Fields that must be filled in and are not, with the reason, in the card's order.
    """

    model: ReviewedModel
    texts: dict[str, str]
    missing: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether nothing that is needed is missing."""
        return not self.missing

    def plain(self) -> dict[str, Any]:
        """The card as JSON-ready values."""
        return {
            "schema_version": 1, "kind": self.model.kind, "run": self.model.run_id,
            "weights_sha256": self.model.digest, "fields": self.texts, "missing": self.missing,
            "metrics": self.model.metrics,
        }  # fmt: skip


def make_card(workspace: Workspace, model: ReviewedModel) -> Card:
    """Write the card of a model from everything that is known by now."""
    texts = {**card_facts.gather(workspace, model), **written_by_people(workspace, model)}
    texts = {name: text for name, text in texts.items() if text.strip()}
    missing = {}
    for field in FIELDS:
        why = _missing(field, model, texts)
        if why:
            missing[field.name] = why
    return Card(model, texts, missing)


def write_fields(workspace: Workspace, model: ReviewedModel, texts: Mapping[str, Any], *, who: str) -> Record | None:
    """Keep what a person says in the card; the latest text of a field counts. Returns the record, None if all is said.

    Raises:
        InputError: A field is unknown or is filled in by the program, is no text, or is too long.
    """
    known = {field.name: field for field in BY_PEOPLE}
    for name, text in texts.items():
        if name not in known:
            raise InputError(
                f"'{name}' is no field of the card that people fill in.", todo=f"Fields: {', '.join(known)}."
            )
        if not isinstance(text, str) or len(text) > LONGEST:
            raise InputError(f"The field '{name}' takes a text of at most {LONGEST:,} letters.", where=name)
    there = written_by_people(workspace, model)
    new = {name: text.strip() for name, text in texts.items() if text.strip() != there.get(name, "")}
    return append(workspace, "card", model.digest, {"fields": new, "run": model.run_id}, who=who) if new else None


def written_by_people(workspace: Workspace, model: ReviewedModel) -> dict[str, str]:
    """What people have said in the card: field to text."""
    said: dict[str, str] = {}
    for record in records(workspace, kind="card", subject=model.digest):
        said.update({str(name): str(text) for name, text in record.content.get("fields", {}).items()})
    return said


def _missing(field: Field, model: ReviewedModel, texts: Mapping[str, str]) -> str:
    if model.kind not in field.needed:
        return ""
    if field.name not in texts:
        return f"'{field.title}' is empty. {field.hint}".strip()
    if field.name == "evaluation" and model.kind == CLASSIFIER:
        headline = next((model.metrics[name] for name in HEADLINE if name in model.metrics), {})
        if headline.get("low") is None:
            return "'Test' has no interval of its main figure: too few test patients."
    return ""
