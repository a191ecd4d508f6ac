"""All rules, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workbench.cohort.quality import (
    composition,
    confounding,
    duplicates,
    geometry,
    headers,
    hounsfield,
    labels,
    likeness,
    near_duplicates,
    neighbours,
    pixels,
    privacy,
    reservation,
    volumes,
)
from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import LEVELS, Finding

Rule = Callable[[Evidence], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    duplicates.copies,
    duplicates.two_patients,
    duplicates.crowd,
    near_duplicates.near_duplicates,
    pixels.blank,
    pixels.clipped,
    likeness.orientation,
    neighbours.contradicted,
    headers.laterality,
    composition.mixture,
    composition.no_plain_pictures,
    pixels.bit_depth,
    pixels.lossy,
    geometry.spacing,
    geometry.size,
    hounsfield.hounsfield,
    volumes.stacks,
    composition.missing,
    composition.nameless,
    headers.age_and_sex,
    labels.label_join,
    confounding.confounding,
    privacy.burned_in,
    privacy.faces,
    headers.dates,
    reservation.reservation,
)


def check(evidence: Evidence) -> list[Finding]:
    """All findings, the gravest first, then by rule. A rule that fails costs itself only, and the report says so."""
    found = [finding for rule in RULES for finding in _ask(rule, evidence)]
    order = list(LEVELS)
    return sorted(found, key=lambda finding: order.index(finding.level))


def _ask(rule: Rule, evidence: Evidence) -> list[Finding]:
    try:
        return list(rule(evidence))
    except Exception as error:  # its text may quote values, so only its kind is told
        name = f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"
        return [
            Finding(
                "report",
                f"failed_{rule.__name__}",
                "warn",
                "A rule could not be asked",
                f"The rule '{name}' met a fault of its own ({type(error).__name__}) and says nothing here.",
                1,
            )
        ]
