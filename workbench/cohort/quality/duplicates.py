"""Rules about pictures that occur more than once: in one patient (Q1), in two (Q2), two under one identity."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

CROWD = 50
"""A group that ties together more patients than this, or more than 1 % of all, points to a fault in the data."""


def copies(evidence: Evidence) -> Iterator[Finding]:
    """Q1: the same instance twice, or different instances with identical pixels."""
    totals = evidence.numbers.get("totals", {})
    outcomes, inside = totals.get("outcomes", {}), totals.get("member_outcomes", {})
    repeated = outcomes.get("duplicate", 0) + inside.get("duplicate", 0)
    if repeated:
        yield Finding(
            "Q1",
            "duplicate",
            "note",
            "Second copies of files",
            f"{number_of(repeated, 'file', 'repeats', 'repeat')} a picture that was already there; it was kept once.",
            repeated,
            default="Listed in refused.csv.",
        )
    found = evidence.having("identical_pixels") & evidence.shown
    if found.any():
        scans = evidence.scans[["scan_id", "pixel_hash"]][found].sort_values(["pixel_hash", "scan_id"])
        number = int(scans["pixel_hash"].nunique())
        yield Finding(
            "Q1",
            "identical_pixels",
            "note",
            "Identical pictures",
            f"{number_of(number, 'picture', 'occurs', 'occur')} in several instances with identical pixels: kept, in "
            "one group, counted once in studies.",
            number,
            default="They stay in one group.",
            scans=scans["scan_id"].tolist(),
            details=[f"picture {digest[:8]}" for digest in scans["pixel_hash"]],
        )
    conflicts = outcomes.get("uid_conflict", 0) + inside.get("uid_conflict", 0)
    if conflicts:
        yield Finding(
            "Q1",
            "uid_conflict",
            "stop",
            "Two pictures under one identity",
            f"{number_of(conflicts, 'file', 'claims', 'claim')} to be a picture that another file already is, with "
            "other pixels.",
            conflicts,
            default="The file indexed first was kept; the others are listed in refused.csv.",
            choices=("keep",),
        )


def two_patients(evidence: Evidence) -> Iterator[Finding]:
    """Q2: identical pixels under different patients: a leak or a misfiled scan, on which somebody must decide."""
    again = evidence.scans["pixel_hash"].duplicated(keep=False).to_numpy(bool)
    scans = evidence.scans[["scan_id", "patient_key", "pixel_hash"]][again & evidence.shown]
    patients = scans.groupby("pixel_hash")["patient_key"].nunique()
    shared = patients.index[patients > 1]
    if len(shared):
        rows = scans[scans["pixel_hash"].isin(shared)].sort_values(["pixel_hash", "scan_id"])
        number = len(shared)
        yield Finding(
            "Q2",
            "same_picture_two_patients",
            "stop",
            "The same picture under two patients",
            f"{number_of(number, 'picture', 'occurs', 'occur')} under more than one patient: a misfiled scan or a "
            "copied number.",
            number,
            default="These patients stay in one group, on one side of every split.",
            choices=("keep", "exclude"),
            scans=rows["scan_id"].tolist(),
            details=[
                f"picture {digest[:8]}, patient {patient}"
                for digest, patient in zip(rows["pixel_hash"], rows["patient_key"], strict=True)
            ],
        )


def crowd(evidence: Evidence) -> Iterator[Finding]:
    """A group of implausibly many patients."""
    largest = evidence.numbers.get("largest_group", 0)
    patients = evidence.numbers.get("totals", {}).get("patients", 0)
    if largest > max(CROWD, 0.01 * patients):
        yield Finding(
            "Q2",
            "crowd",
            "stop",
            "One group of very many patients",
            f"One group ties {largest:,} patients together by identical pictures; look whether these pictures are "
            "covers or test images and leave them out.",
            largest,
            default="They stay in one group.",
            choices=("keep",),
        )
