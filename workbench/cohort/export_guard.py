"""May pictures of a cohort leave the house? Not while names may stand on them or faces can be drawn from them.

A decision about the finding opens the gate: that text was looked through or left out, that faces were removed, or that
there is a waiver. The manifest, features and weights hold no pictures and are not concerned.
"""

from __future__ import annotations

import json

from workbench.cohort.cohort import Cohort
from workbench.errors import InputError

GATES = ("burned_in_text", "saved_screen", "text_suspected", "face_possible")
"""Findings that must be decided before pictures leave."""
FACES = ("face_possible",)


def check_pictures_may_leave(cohort: Cohort, *, whole_slices: bool = True) -> None:
    """Refuse an export of pictures while a finding about names or faces is undecided.

    Args:
        cohort: The cohort from which pictures are to be exported.
        whole_slices: Whether volumes or slices in full resolution leave, from which faces can be drawn.

    Raises:
        InputError: A finding is undecided, or the cohort has no report.
    """
    try:
        findings = json.loads((cohort.folder / "intake.json").read_text(encoding="utf-8"))["findings"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"Nobody knows whether names or faces are on the pictures of '{cohort.name}': it has no intake report.",
            where=cohort.folder,
            todo="Run 'workbench index' on its sources again.",
        ) from error
    for item in findings:
        if item["code"] in GATES and not item.get("decided") and (whole_slices or item["code"] not in FACES):
            raise InputError(
                f"Pictures of '{cohort.name}' may not leave yet: {item['sentence']}",
                todo=f"Look at them ('workbench decide {cohort.name} sheet'), then decide: 'workbench decide "
                f"{cohort.name} keep finding={item['code']} reason=...' or sign the contact sheet.",
            )
