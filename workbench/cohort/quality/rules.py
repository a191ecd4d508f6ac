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
    """All findings, the gravest first, then by rule."""
    found = [finding for rule in RULES for finding in rule(evidence)]
    order = list(LEVELS)
    return sorted(found, key=lambda finding: order.index(finding.level))
