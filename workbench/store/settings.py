"""What decides the content of a store; another value of any of these is another store."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.config import Settings, digest_of

FORMAT = 1
"""Version of the layout on disk."""


class StoreSettings(Settings):
    """How scans are fitted into a store."""

    size: int = Field(default=256, ge=8, le=4096, description="Side of the square that scans are fitted into, pixels.")
    channels: Literal[1, 3] = Field(
        default=1, description="1 turns colour to grey (0.299 R + 0.587 G + 0.114 B); 3 repeats grey."
    )
    ct_window: tuple[float, float] = Field(
        default=(-1000.0, 400.0), description="Display range of CT, lowest and highest HU; stored values are not cut."
    )
    percentiles: tuple[float, float] = Field(
        default=(1.0, 99.0), description="Display range of other scans, percentiles of what is not padding."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("ct_window", "percentiles"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} is given lowest first, so [{high:g}, {low:g}]")
        if self.percentiles[0] < 0 or self.percentiles[1] > 100:
            raise ValueError("percentiles lie between 0 and 100")
        return self

    def store_digest(self) -> str:
        """Eight hexadecimal digits that name the store's folder."""
        fitting = {name: self.plain()[name] for name in StoreSettings.model_fields}
        return digest_of([FORMAT, fitting])[:8]
