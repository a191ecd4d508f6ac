"""Findings about the split and about files that went: what the index did to the test set, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of


def reservation(evidence: Evidence) -> Iterator[Finding]:
    """No test patients at all, patients moved out of the test set, files that are gone."""
    numbers = evidence.numbers
    totals = numbers.get("totals", {})
    patients, moved, gone = totals.get("patients", 0), numbers.get("moved_to_development", 0), totals.get("gone", 0)
    if patients and not numbers.get("test_patients", 0):
        yield Finding(
            "split",
            "no_test_patients",
            "warn",
            "No test patients",
            "No patient is set aside as test, by chance in so small a cohort or by your settings. Before anything is "
            "trained, 'workbench split' can change that (another seed=, a larger test_share=, stratify=label).",
            patients,
        )
    if moved:
        yield Finding(
            "split",
            "moved",
            "warn",
            "A smaller test set",
            f"{number_of(moved, 'patient')} moved from test to development, because identical pictures tie them to "
            "patients there; the test set is smaller now.",
            moved,
        )
    if gone:
        yield Finding(
            "files",
            "gone",
            "warn",
            "Files gone",
            f"{number_of(gone, 'file')} indexed before {'is' if gone == 1 else 'are'} no longer there.",
            gone,
        )
