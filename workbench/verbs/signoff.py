"""``workbench signoff``: a person says that they read the subgroup audit, or signs a review; the chain is checked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from workbench.cohort.decisions import account
from workbench.config import Result, Settings
from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace


class SignoffSettings(Settings):
    """Which model, what was done, by whom."""

    model: str = Field(default="", description="A fine-tuning's run id or folder.")
    read: Literal["", "subgroups"] = Field(default="", description="subgroups: you have read the latest audit of it.")
    queue: str = Field(default="", description="Sign this review queue, all of whose cases have a verdict.")
    meaning: Literal["reviewed and agree", "reviewed and do not agree"] = Field(
        default="reviewed and agree", description="What your signature means."
    )
    role: str = Field(default="", description="What you are, such as radiologist; goes with a signature.")
    who: str = Field(default="", description="Who you are; the account's name when empty.")
    verify: bool = Field(default=False, description="Only check the chain of records.")
    kept: list[str] = Field(
        default=[], description="Hashes written down elsewhere, which must still be in the chain (see export.json)."
    )


class SignoffResult(Result):
    """What stands in the chain."""

    records: int
    head: str
    broken: list[str]
    made: dict[str, Any] = {}
    about: list[dict[str, Any]] = []

    @property
    def exit_code(self) -> int:
        """1 where the chain is broken."""
        return 1 if self.broken else 0

    def summary(self) -> str:
        """What was recorded, what stands, and whether the chain fits."""
        lines = []
        if self.made:
            lines.append(f"Recorded as number {self.made['number']}: {self.made['kind']} by {self.made['who']}.")
        lines += [f"  {r['number']}  {r['at'][:16]}  {r['kind']}  {r['who']}  {r['said']}" for r in self.about]
        lines += [f"NOT IN ORDER: {sentence}" for sentence in self.broken]
        if not self.broken:
            lines.append(f"The chain of {self.records:,} records fits. Last record: {self.head}")
        return "\n".join(lines)


def signoff(settings: SignoffSettings, *, workspace: Workspace, progress: Progress | None = None) -> SignoffResult:
    """Record an acknowledgement or a signature, or list what stands; then check the chain.

    Raises:
        InputError: No such model or queue, cases without a verdict, no audit, or nobody named.
    """
    from workbench.review.acknowledgement import acknowledge
    from workbench.review.queue import open_queue
    from workbench.review.record_chain import records, verify
    from workbench.review.reviewed_model import CLASSIFIER, find_model
    from workbench.review.sign_off import sign

    who, made, digest = settings.who or account(), None, ""
    if not settings.verify:
        if not settings.model:
            raise InputError("No model is named.", where="model", todo="Say which, or verify=true to check the chain.")
        model = find_model(settings.model, workspace, CLASSIFIER)
        digest = model.digest
        if settings.read:
            made = acknowledge(workspace, model, who=who)
        if settings.queue:
            queue = open_queue(workspace, settings.queue)
            if queue.model != digest:
                raise InputError(
                    f"The queue '{queue.name}' is about another model, {queue.run}.", where=f"model {model.run_id}"
                )
            made = sign(workspace, queue, who=who, role=settings.role, meaning=settings.meaning)
    checked = verify(workspace, settings.kept)
    about = [
        {"number": r.number, "kind": r.kind, "who": r.who, "at": r.at, "hash": r.hash, "said": _said(r.content)}
        for r in (records(workspace, subject=digest) if digest else [])
        if r.kind not in ("first read", "verdict")
    ]
    return SignoffResult(
        records=checked.records,
        head=checked.head,
        broken=list(checked.broken),
        made={"number": made.number, "kind": made.kind, "who": made.who, "hash": made.hash} if made else {},
        about=about,
    )


def _said(content: dict[str, Any]) -> str:
    """The gist of a record."""
    for name in ("meaning", "reason", "alias", "page", "queue", "folder"):
        if content.get(name):
            return str(content[name])
    return ", ".join(content.get("fields", {}))
