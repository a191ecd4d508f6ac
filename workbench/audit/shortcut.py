"""Shortcuts: can scanner, site, view, sex or age be read from frozen features, and does the disease score use them?

That something is encoded is no fault by itself: the finding is use. The wording follows three questions: is it encoded,
does it go with the label where labels were learned, and does the score of healthy cases, or the ranking where
attribute and label disagree, depend on it (Glocker et al. 2023; Brown et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from workbench.audit.association import PRESENT, Association, association
from workbench.audit.attributes import Attribute
from workbench.audit.balanced import BalancedTrial
from workbench.audit.labelled import Labelled
from workbench.audit.material import Material
from workbench.audit.readable import readable
from workbench.audit.scores import FEWEST_SHOWN
from workbench.audit.strata import auc_stratum, joint
from workbench.evaluation.interval import Interval
from workbench.study.contrasts import Contrast, holm

ENCODED = 0.60
ALARM = 0.02
ALPHA = 0.05


@dataclass(frozen=True)
class Use:
    """One sign that the score depends on the attribute.

    Attributes:
        kind: ``healthy`` (the score tells the group among healthy cases), ``conflict`` (ranking is better where
            attribute and label agree), or ``balanced`` (ranking drops when the attribute cannot help).
        what: Of what, in words.
        contrast: Difference from nothing; 0 means no dependence.
        p_holm: After Holm's correction over all signs of all attributes.
    """

    kind: str
    what: str
    contrast: Contrast
    p_holm: float = 1.0


@dataclass(frozen=True)
class Shortcut:
    """What is known of one attribute.

    Attributes:
        name: Of the attribute.
        values: Groups that could be told apart.
        readable: Source of features to the AUC with which they tell the groups apart in healthy cases.
        association: With the label, in the development set; None for few patients.
        p_association: After Holm's correction over attributes.
        uses: Signs of use.
        verdict: ``too few``, ``not encoded``, ``encoded, no evidence of use`` or ``evidence of use``.
        note: Why something is absent; else empty.
    """

    name: str
    values: tuple[str, ...]
    readable: dict[str, Interval]
    association: Association | None
    p_association: float = 1.0
    uses: list[Use] = field(default_factory=list)
    verdict: str = "too few"
    note: str = ""

    @property
    def encoded(self) -> bool:
        """Whether the audited features tell the groups apart: lower end of the interval above 0.60."""
        first = next(iter(self.readable.values()), None)
        return first is not None and first.low > ENCODED

    @property
    def associated(self) -> bool:
        """Whether it goes with the label."""
        found = self.association
        return found is not None and found.v >= PRESENT and self.p_association < ALPHA


def shortcuts(
    material: Material,
    attributes: Sequence[Attribute],
    labelled: Labelled | None,
    *,
    metadata: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None,
    balanced: bool = True,
) -> list[Shortcut]:
    """Probe every attribute; association and signs of use are each one family (Holm).

    Args:
        material: Scores of the audited arm.
        attributes: Of the test cases.
        labelled: Development scans with features; None where there are none (then only the score is looked at).
        metadata: By attribute, one-hot header fields other than it, of development and test scans: what can be told
            without looking at the image.
        balanced: Whether to train probes on labelled sets in which attribute and label are unrelated.
    """
    found = [_one(material, attribute, labelled, metadata or {}, balanced) for attribute in attributes]
    tested = [number for number, each in enumerate(found) if each.association is not None]
    adjusted = holm([found[number].association.p for number in tested])  # type: ignore[union-attr]
    for number, p in zip(tested, adjusted, strict=True):
        found[number] = replace(found[number], p_association=p)
    signs = [(number, place) for number, each in enumerate(found) for place in range(len(each.uses))]
    adjusted = holm([found[number].uses[place].contrast.p for number, place in signs])
    for (number, place), p in zip(signs, adjusted, strict=True):
        found[number].uses[place] = replace(found[number].uses[place], p_holm=p)
    return [replace(each, verdict=_verdict(each)) for each in found]


def _verdict(found: Shortcut) -> str:
    used = [use for use in found.uses if use.p_holm < ALPHA and (use.kind == "healthy" or use.contrast.estimate > 0)]
    if found.associated and used:
        return "evidence of use"
    if not found.readable and not found.uses:
        return "too few"
    if found.readable and not found.encoded:
        return "not encoded"
    return "encoded, no evidence of use" if found.readable else "no evidence of use"


def _one(
    material: Material,
    attribute: Attribute,
    labelled: Labelled | None,
    metadata: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]],
    balanced: bool,
) -> Shortcut:
    uses = _healthy(material, attribute)
    if labelled is None or attribute.name not in labelled.attributes:
        return Shortcut(attribute.name, (), {}, None, uses=uses, note="no features to probe")
    train, test = labelled.attributes[attribute.name]
    known = np.array([Attribute.comparable(value) for value in train]) & (labelled.truth >= 0)
    linked = association(train[known], labelled.truth[known], labelled.patients[known]) if known.any() else None
    values, found, note = readable(attribute, labelled, metadata.get(attribute.name))
    if linked is not None and len(linked.table) > 1:
        uses += _conflict(material, attribute, linked)
        if balanced and labelled.features:
            trial = BalancedTrial.run(material, attribute, labelled.truth, labelled.patients, train, labelled)
            if trial is not None:
                uses.append(Use("balanced", trial.words, trial.drop))
    return Shortcut(attribute.name, values, found, linked, uses=uses, note=note)


def _healthy(material: Material, attribute: Attribute) -> list[Use]:
    """Whether the disease score tells a group from the others among healthy cases; 0.5 if it does not."""
    subjects, uses = material.subjects, []
    known = attribute.comparable_rows() & (subjects.truth == 0)
    names = [name for name in attribute.groups() if Attribute.comparable(name)]
    people = {name: len(np.unique(subjects.patients[known & (attribute.values == name)])) for name in names}
    names = [name for name in names if people[name] >= FEWEST_SHOWN]
    if len(names) < 2:
        return []
    known &= np.isin(attribute.values, names)
    points = material.with_stand_in()
    for name in names if len(names) > 2 else names[-1:]:
        member = (attribute.values == name).astype(np.int64)
        scores = [(point, material.score(point)) for point in points]
        stratum = auc_stratum(name, known, scores, member, subjects.patients, subjects.patient_count)
        found = joint([stratum], material.pool_patients).contrast(np.eye(len(points))[-1])
        words = f"{name} against {'the other groups' if len(names) > 2 else names[0]}"
        uses.append(Use("healthy", words, replace(found, estimate=found.estimate - 0.5)))
    return uses


def _conflict(material: Material, attribute: Attribute, linked: Association) -> list[Use]:
    """AUC where group and answer go together as they do in the development set, minus that where they do not."""
    subjects = material.subjects
    total = np.array(list(linked.table.values()), dtype=float)
    share = total[:, 0].sum() / total.sum()
    sick = {name for name, (yes, no) in linked.table.items() if yes > share * (yes + no)}
    known = attribute.comparable_rows() & np.isin(attribute.values, list(linked.table))
    in_sick = np.isin(attribute.values, list(sick))
    aligned = known & (in_sick == (subjects.truth == 1))
    conflicting = known & ~aligned
    for rows in (aligned, conflicting):
        if not subjects.sizes(rows).shown:
            return []
    points = material.with_stand_in()
    strata = [
        auc_stratum(
            name,
            rows,
            [(p, material.score(p)) for p in points],
            subjects.truth,
            subjects.patients,
            subjects.patient_count,
        )
        for name, rows in (("aligned", aligned), ("conflicting", conflicting))
    ]
    one = np.eye(len(points))[-1]
    gap = joint(strata, material.pool_patients).contrast(np.concatenate([one, -one]))
    words = f"AUC where the label goes with {attribute.name} as in training, minus that where it does not"
    return [Use("conflict", words, gap)]
