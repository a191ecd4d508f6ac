"""Arms: the ways to start that a study compares, what each may be used for, and what each has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workbench.cohort.cohort import Cohort
from workbench.cohort.pool_check import pool_overlap, refuse_overlap
from workbench.errors import InputError
from workbench.evaluation.features import load as load_features
from workbench.evaluation.pixels import PIXELS
from workbench.runs.workspace import Workspace
from workbench.study.settings import ArmSettings, StudySettings

PCA = "pca"
SCRATCH, RANDOM = "scratch:", "random:"
SEEN = {"none": "inductive", "found": "transductive", "unknown": "unknown"}


@dataclass(frozen=True)
class Arm:
    """One way to start.

    Attributes:
        name: As the user calls it.
        kind: ``encoder``, ``scratch``, ``random``, ``pixels``, ``pca`` or ``features``.
        spec: The encoder's word or the features file.
        architecture: Of an encoder; empty otherwise.
        arguments: Of the architecture.
        reference: Name of the arm that it is compared with; empty for none.
        seen: ``inductive`` (no test scan in its pool), ``transductive``, ``unknown``, or ``nothing`` (no pool).
        facts: Of the encoder's checkpoint.
        make: Makes the encoder anew; None where there is none.
    """

    name: str
    kind: str
    spec: str
    architecture: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    reference: str = ""
    seen: str = "nothing"
    facts: dict[str, Any] = field(default_factory=dict)
    make: Callable[[], Any] | None = None

    def allows(self, protocol: str) -> bool:
        """Whether it can be used so: scratch is trained, features are not."""
        if protocol == "finetune":
            return self.kind in ("encoder", "scratch")
        return self.kind != "scratch"

    @property
    def label(self) -> str:
        """The name, with what must be said beside it."""
        return f"{self.name} (transductive)" if self.seen == "transductive" else self.name


def resolve_arms(
    settings: StudySettings, cohort: Cohort, test: Any, workspace: Workspace, *, channels: int = 1
) -> list[Arm]:
    """The arms of a study, with scratch of each encoder's own architecture added where it is the reference.

    Args:
        settings: The study's.
        cohort: Its cohort.
        test: Scan ids of the test set, for the leak guard.
        workspace: Where encoders are looked for.
        channels: Of the images.

    Raises:
        InputError: No such encoder or file, the reference is no arm, nothing can stand for it, or an encoder's pool
            holds test scans.
    """
    arms = {name: _one(name, arm, settings, workspace, channels) for name, arm in settings.arms.items()}
    reference = arms.get(settings.reference)
    if reference is None and settings.reference != "scratch":
        raise InputError(
            f"The reference '{settings.reference}' is none of the arms.",
            where="reference",
            todo=f"Choose one of {', '.join(arms)}.",
        )
    by_scratch = reference is None or reference.kind == "scratch"
    # Nothing is trained from scratch without fine-tuning: random features of the architecture then stand in, so named.
    start = "scratch" if "finetune" in settings.protocols else "random"
    if by_scratch and start == "random" and not any(arm.kind == "encoder" for arm in arms.values()):
        raise InputError(
            "The reference is training from scratch, but nothing is fine-tuned and no arm is a pretrained encoder.",
            where="reference",
            todo=f"Choose one of the arms as reference: {', '.join(arms)}.",
        )
    found = {}
    for name, arm in list(arms.items()):
        if arm.kind in ("encoder", "features"):
            arm = _checked(arm, cohort, test, settings.allow_transductive)
        if by_scratch and arm.kind == "encoder":
            arm = _with(arm, reference=_start_of(arm, start, arms, settings, channels))
        elif name != settings.reference and arm.kind != "scratch":
            arm = _with(arm, reference=settings.reference if reference else "")
        found[name] = arm
    added = [arm for name, arm in arms.items() if name not in found]
    return [*(found[name] for name in settings.arms), *added]


def _one(name: str, given: ArmSettings, settings: StudySettings, workspace: Workspace, channels: int) -> Arm:
    if given.features:
        facts = load_features(given.features).facts
        made_by = str(facts.get("encoder", ""))
        nothing = made_by in (PIXELS, PCA) or made_by.startswith((RANDOM, SCRATCH))
        return Arm(
            name,
            "features",
            str(given.features),
            seen="nothing" if nothing else "unknown",
            facts=facts.get("encoder_facts", {}),
        )
    if given.encoder in (PIXELS, PCA):
        return Arm(name, given.encoder, given.encoder)
    from workbench.models.encoder_source import find_encoder

    source = find_encoder(given.encoder, workspace, in_channels=channels, size=settings.size, seed=settings.seed)
    made = source.make()
    kind = "encoder"
    if source.scratch:
        kind = "scratch" if given.encoder.startswith(SCRATCH) else "random"
    return Arm(name, kind, given.encoder, source.name, made.arguments, facts=source.facts, make=source.make)


def _start_of(arm: Arm, kind: str, arms: dict[str, Arm], settings: StudySettings, channels: int) -> str:
    """The arm that has this architecture with random weights, trained (``scratch``) or frozen (``random``); made and
    added to ``arms`` when there is none."""
    for other in list(arms.values()):
        if other.kind == kind and (other.architecture, other.arguments) == (arm.architecture, arm.arguments):
            return other.name
    from workbench.models.encoders import build_encoder

    name = f"{kind} {arm.architecture}"
    while name in arms:
        name += "'"

    def make() -> Any:
        return build_encoder(
            arm.architecture, in_channels=channels, size=settings.size, seed=settings.seed, **arm.arguments
        )

    arms[name] = Arm(name, kind, f"{kind}:{arm.architecture}", arm.architecture, arm.arguments, make=make)
    return name


def _checked(arm: Arm, cohort: Cohort, test: Any, allowed: bool) -> Arm:
    """Whether the encoder's pool holds test scans; unknown for weights from elsewhere."""
    if not arm.facts:
        return arm if arm.seen == "nothing" else _with(arm, seen="unknown")
    found = pool_overlap(cohort, arm.facts, test)
    refuse_overlap(found, transductive=allowed, setting="allow_transductive", where=f"arms.{arm.name} = {arm.spec}")
    return _with(arm, seen=SEEN[found.state])


def _with(arm: Arm, **changes: Any) -> Arm:
    from dataclasses import replace

    return replace(arm, **changes)
