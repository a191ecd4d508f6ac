"""What the report says about stacks and volumes."""

from __future__ import annotations

from typing import Any

from workbench.cohort.volumes.statuses import Status
from workbench.cohort.volumes.tables import Found

LEVELS = {
    Status.AMBIGUOUS: "stop",
    **dict.fromkeys(
        (Status.MISSING, Status.PIECEWISE, Status.IRREGULAR, Status.TILTED, Status.BAD_ORIENTATION), "warn"
    ),
}


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
