"""What the report says about stacks and volumes."""

from __future__ import annotations

from typing import Any

from workbench.cohort.volumes.statuses import EVEN, MEANINGS, Status, count
from workbench.cohort.volumes.tables import Found

LEVELS = {
    Status.AMBIGUOUS: "stop",
    **dict.fromkeys(
        (Status.MISSING, Status.PIECEWISE, Status.IRREGULAR, Status.TILTED, Status.BAD_ORIENTATION), "warn"
    ),
}


def findings(found: Found) -> list[dict[str, Any]]:
    """One finding per status that keeps stacks from being volumes as they are: ``code, level, count, sentence``."""
    said = []
    for status in Status:
        number = found.stacks[status]
        if number and status not in EVEN:
            sentence = f"{count(number, 'stack')} of slices: {MEANINGS[status]}."
            level = LEVELS.get(status, "note")
            said.append({"code": f"stack_{status.value}", "level": level, "count": number, "sentence": sentence})
    if found.repeats:
        sentence = (
            f"{count(found.repeats, 'slice')} left out of volumes: the same picture is at the same place already."
        )
        said.append({"code": "stack_repeats", "level": "note", "count": found.repeats, "sentence": sentence})
    return said


def numbers(found: Found) -> dict[str, Any]:
    """For ``intake.json``: volumes, and stacks and slices by status with a sentence of each."""
    return {
        "volumes": found.volumes,
        "statuses": {
            status.value: {
                "stacks": found.stacks[status],
                "slices": found.slices[status],
                "example": found.examples[status],
            }
            for status in Status
            if found.stacks[status]
        },
    }
