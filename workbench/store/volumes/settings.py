"""What decides the content of a store of volumes; another value of any of these is another store."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.config import Settings, digest_of

FORMAT = 1
"""Version of the layout on disk."""
SMALLEST_MM, LARGEST_MM = 0.05, 50.0


class VolumeSettings(Settings):
    """How volumes are kept in a store."""

    spacing: float | tuple[float, float, float] | None = Field(
        default=None,
        description="Distance between voxels, mm: one number for a cube, or [slices, rows, columns]; "
        "null keeps every volume's own.",
    )
    orientation: Literal["acquired", "lps"] = Field(
        default="acquired",
        description="'acquired' keeps slices, rows and columns; 'lps' turns axes, without interpolation, until they "
        "run to the head, to the back and to the left.",
    )
    tilted: Literal["leave", "straighten"] = Field(
        default="leave", description="Stacks of a tilted gantry: leave them out, or resample them onto upright slices."
    )
    uneven: Literal["split", "resample"] = Field(
        default="split",
        description="Stacks with missing slices or changing spacing: keep their even runs apart, or fill the gaps by "
        "interpolation.",
    )
    ct_window: tuple[float, float] = Field(
        default=(-1000.0, 400.0), description="Display range of CT, lowest and highest HU; stored values are not cut."
    )
    percentiles: tuple[float, float] = Field(
        default=(1.0, 99.0), description="Display range of other volumes, percentiles of their values."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for distance in self.spacing_mm or ():
            if not SMALLEST_MM <= distance <= LARGEST_MM:
                raise ValueError(f"spacing lies between {SMALLEST_MM} and {LARGEST_MM:g} mm")
        for name in ("ct_window", "percentiles"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} is given lowest first, so [{high:g}, {low:g}]")
        if self.percentiles[0] < 0 or self.percentiles[1] > 100:
            raise ValueError("percentiles lie between 0 and 100")
        return self

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Between slices, rows and columns, or None where every volume keeps its own."""
        if self.spacing is None or isinstance(self.spacing, tuple):
            return self.spacing
        return (self.spacing, self.spacing, self.spacing)

    def store_digest(self) -> str:
        """Eight hexadecimal digits that name the store's folder."""
        own = {name: self.plain()[name] for name in VolumeSettings.model_fields}
        return digest_of([FORMAT, "volumes", own | {"spacing": self.spacing_mm}])[:8]
