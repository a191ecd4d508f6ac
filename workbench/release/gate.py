"""The gate: what must be there before a model may be called approved, or leave this place for use.

For a classifier: a complete card, the subgroup audit read, the contact sheet of its cohort signed, a review signed by
a person, and a chain of records that fits. An encoder alone gives no answers about patients: nothing can be audited or
reviewed, and it needs the rest. Whoever passes the gate in spite of it gives a reason, which is recorded for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import InputError, WorkbenchError
from workbench.release.card_fields import field
from workbench.release.model_card import Card, make_card
from workbench.release.privacy_signature import privacy_signature
from workbench.review.acknowledgement import latest_audit
from workbench.review.record_chain import Record, append, verify
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel
from workbench.review.sign_off import standing
from workbench.runs.workspace import Workspace


@dataclass(frozen=True)
class Condition:
    """One thing that must be there.

    Attributes:
        name: ``card``, ``subgroups``, ``privacy``, ``review`` or ``records``.
        title: As people read it.
        met: Whether it is there.
        sentence: What is there, or what is missing.
        todo: What to do about it.
    """

    name: str
    title: str
    met: bool
    sentence: str
    todo: str = ""


def conditions(workspace: Workspace, model: ReviewedModel, card: Card | None = None) -> list[Condition]:
    """The conditions of a model, met or not, in the order in which people deal with them.

    Args:
        workspace: Where the records are.
        model: The model.
        card: Its card, if it was made already.
    """
    found = [_privacy(workspace, model)]
    if model.kind == CLASSIFIER:
        found += [_subgroups(workspace, model), _review(workspace, model)]
    found.append(_card(card or make_card(workspace, model), model))
    checked = verify(workspace)
    told = checked.broken[0] if checked.broken else f"All {checked.records:,} records fit."
    todo = "Bring workspace.db back from a backup."
    found.append(Condition("records", "Chain of records", not checked.broken, told, todo))
    return found


def pass_gate(
    workspace: Workspace, model: ReviewedModel, purpose: str, *, who: str, force_reason: str = ""
) -> Record | None:
    """Go through the gate, or say what is missing.

    Args:
        workspace: Where the records are.
        model: The model.
        purpose: What for, such as ``export``.
        who: Who wants it.
        force_reason: Why, although something is missing.

    Returns:
        The record of the override, or None where nothing is missing.

    Raises:
        InputError: Something is missing and no reason is given: one sentence for each.
    """
    missing = [condition for condition in conditions(workspace, model) if not condition.met]
    if not missing:
        return None
    if not force_reason.strip():
        raise InputError(
            f"'{model.run_id}' cannot have this yet ({purpose}): {' '.join(c.sentence for c in missing)}",
            where=f"{model.kind} {model.run_id}",
            todo=" ".join(f"{c.todo.rstrip('.')}." for c in missing if c.todo),
        )
    content = {
        "purpose": purpose, "run": model.run_id, "reason": " ".join(force_reason.split()),
        "missing": [{"name": c.name, "sentence": c.sentence} for c in missing],
    }  # fmt: skip
    return append(workspace, "override", model.digest, content, who=who)


def _privacy(workspace: Workspace, model: ReviewedModel) -> Condition:
    act = privacy_signature(workspace, model)
    if act is None:
        name = model.cohort or "its cohort"
        return Condition(
            "privacy", "Privacy signature", False,
            f"Nobody has signed that the pictures of '{name}' show no names.",
            f"Look through the contact sheet: workbench decide {name} sheet, then workbench decide {name} sign='NAME'",
        )  # fmt: skip
    return Condition("privacy", "Privacy signature", True, f"Contact sheet signed by {act.who}, {act.when[:10]}.")


def _subgroups(workspace: Workspace, model: ReviewedModel) -> Condition:
    title = "Subgroup page read"
    audit = latest_audit(workspace, model)
    if audit is None:
        return Condition(
            "subgroups", title, False, "There is no audit of groups of patients.",
            f"Make it: workbench audit {model.run_id}",
        )  # fmt: skip
    if audit.read is None:
        return Condition(
            "subgroups", title, False, "Nobody has read the audit of groups of patients.",
            f"Read it, then: workbench signoff {model.run_id} read=subgroups who='NAME'",
        )  # fmt: skip
    return Condition("subgroups", title, True, f"Read by {audit.read.who}, {audit.read.at[:10]}.")


def _review(workspace: Workspace, model: ReviewedModel) -> Condition:
    title, todo = "Review signed", f"Open a queue, read it and sign: workbench review model={model.run_id}"
    try:
        found = standing(workspace, model.digest)
    except WorkbenchError as error:
        return Condition("review", title, False, error.what, error.todo)
    if not found.agrees or found.record is None:
        return Condition("review", title, False, found.why, todo)
    said = found.record.content
    return Condition(
        "review", title, True,
        f"Signed by {found.record.who} ({said['role']}), {found.record.at[:10]}, about {said['rows']} verdicts.",
    )  # fmt: skip


def _card(card: Card, model: ReviewedModel) -> Condition:
    if card.complete:
        return Condition("card", "Model card", True, "Every field that is needed is filled in.")
    lacking = [field(name).title for name in card.missing]
    return Condition(
        "card", "Model card", False, f"The model card is not complete; it lacks: {', '.join(lacking)}.",
        f"Write the fields into a YAML file, then: workbench export {model.run_id} card=FILE.yaml",
    )  # fmt: skip
