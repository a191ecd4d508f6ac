"""Series for tests: as columns, without files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.cohort.columns import SLICE_NAMES
from workbench.cohort.volumes.frames import Frames

NAMES = (*SLICE_NAMES, "rows", "columns", "pixel_hash")
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def slices(places: Sequence[float], orientation: Sequence[float] = AXIAL, **facts: Any) -> list[dict[str, Any]]:
    """Frames along the normal at some places, mm; a fact given as a list has one value per frame."""
    turned = np.array(orientation)
    normal = np.cross(turned[:3], turned[3:])
    rows = []
    for number, place in enumerate(places):
        position = place * normal
        row = {
            "frame_of_reference": "for",
            **dict(zip(("x_mm", "y_mm", "z_mm"), position.tolist(), strict=True)),
            **dict(zip(("row_x", "row_y", "row_z", "column_x", "column_y", "column_z"), orientation, strict=True)),
            "spacing_row_mm": 0.5,
            "spacing_column_mm": 0.5,
            "samples": 1,
            "image_type": "ORIGINAL\\PRIMARY\\AXIAL",
            "rows": 16,
            "columns": 16,
            "pixel_hash": f"{number} {place} {facts}",
        }
        rows.append(row | {name: fact[number] if isinstance(fact, list) else fact for name, fact in facts.items()})
    return rows


def series(*parts: list[dict[str, Any]], seed: int = 0) -> Frames:
    """A series of some parts, its frames in random order."""
    rows = [row for part in parts for row in part]
    order = np.random.default_rng(seed).permutation(len(rows))
    return Frames.of(NAMES, [[rows[place].get(name) for name in NAMES] for place in order])
