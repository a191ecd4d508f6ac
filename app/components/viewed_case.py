"""A scan as the viewer takes it: its stack, the address of its frames, its side views, a few words."""

from __future__ import annotations

from typing import Any

from app.catalogue import Catalogue
from app.components.scan_facts import caption
from app.components.viewer import Case, Plane
from app.frames.routes import frames_address, side_address
from app.frames.side_views import side_views
from app.signed_in import signed_in

FEWEST_SLICES = 4
"""Of a stack that people may expect side views of, and are told why there are none."""


def case_of(found: Catalogue, scan: str) -> Case:
    """A scan with its stack, for the viewer."""
    stack, cohort, user = found.stack_of(scan), found.cohort.name, signed_in()
    geometry = found.geometry_of(scan)
    more: dict[str, Any] = {}
    if geometry.volume:
        acquired, *others = side_views(found, geometry.volume)
        more["view"] = acquired[0].name.capitalize()
        more["planes"] = tuple(
            Plane(
                name=view.name.capitalize(),
                url=side_address(user=user, cohort=cohort, scan=scan, axis=view.axis),
                count=number,
            )
            for view, number in others
        )
    elif geometry.slices >= FEWEST_SLICES:
        more["note"] = f"No side views: {geometry.sentence}"
    return Case(
        id=f"{cohort}/{scan}",
        url=frames_address(user=user, cohort=cohort, scan=scan),
        count=len(stack),
        start=stack.index(scan),
        title=caption(found.row(scan), ("modality", "body_part", "view_position", "sex", "age_years")),
        **more,
    )
