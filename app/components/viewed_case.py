"""A scan as the viewer takes it: its stack, the address of its frames, a few words."""

from __future__ import annotations

from app.catalogue import Catalogue
from app.components.scan_facts import caption
from app.components.viewer import Case
from app.frames.routes import frames_address
from app.signed_in import signed_in


def case_of(found: Catalogue, scan: str) -> Case:
    """A scan with its stack, for the viewer."""
    stack, cohort = found.stack_of(scan), found.cohort.name
    return Case(
        id=f"{cohort}/{scan}",
        url=frames_address(user=signed_in(), cohort=cohort, scan=scan),
        count=len(stack),
        start=stack.index(scan),
        title=caption(found.row(scan), ("modality", "body_part", "view_position", "sex", "age_years")),
    )
