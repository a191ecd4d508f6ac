"""Rule Q17: stacks of slices that are no volumes, and why."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of
from workbench.cohort.volumes.findings import LEVELS
from workbench.cohort.volumes.statuses import EVEN, MEANINGS, UNFIT_FOR_2D, Status

TITLES = {
    Status.AMBIGUOUS: "Slices that cannot be told apart",
    Status.MISSING: "Missing slices",
    Status.PIECEWISE: "Changing slice distance",
    Status.IRREGULAR: "Uneven slice distance",
    Status.TILTED: "Tilted stacks",
    Status.BAD_ORIENTATION: "Impossible orientation",
    Status.SHORT: "Short stacks",
    Status.MIXED: "Slices in several directions",
    Status.LOCALIZER: "Stacks of localizers",
    Status.NO_GEOMETRY: "Slices without a place",
    Status.MOSAIC: "Mosaics",
    Status.COLOUR: "Colour stacks",
}


def stacks(evidence: Evidence) -> Iterator[Finding]:
    """Q17: one finding per status that keeps stacks from being volumes as they are."""
    table, slices = evidence.stacks, evidence.slices
    if table is None or slices is None or table.empty:
        return
    for status in Status:
        chosen = table[table["status"] == status.value]
        if chosen.empty or status in EVEN:
            continue
        number = len(chosen)
        aside = status in UNFIT_FOR_2D
        yield Finding(
            "Q17",
            f"stack_{status.value}",
            LEVELS.get(status, "note"),
            TITLES.get(status, status.value),
            f"{number_of(number, 'stack')} of slices: {MEANINGS[status]}.",
            number,
            default="They are kept aside." if aside else "That is how they are used.",
            choices=("keep", "include") if aside else ("keep", "exclude"),
            scans=slices.loc[slices["stack_id"].isin(chosen["stack_id"]), "scan_id"].tolist(),
        )
    repeats = slices["repeat"].fillna(False).astype(bool)
    if repeats.any():
        number = int(repeats.sum())
        yield Finding(
            "Q17",
            "stack_repeats",
            "note",
            "Repeated slices",
            f"{number_of(number, 'slice')} left out of volumes: the same picture is at the same place already.",
            number,
            default="They are left out of volumes.",
            scans=slices.loc[repeats, "scan_id"].tolist(),
        )
