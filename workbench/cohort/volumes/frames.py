"""The frames of one series as columns: what ``dicom.slice_facts`` told of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.columns import SLICE_KINDS


@dataclass(frozen=True)
class Frames:
    """Some frames.

    Attributes:
        columns: By name, arrays of the same length: float64 with NaN, or objects (text, '' where unknown).
    """

    columns: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Frames:
        """From rows of values; None becomes NaN or ''."""
        columns: dict[str, NDArray[Any]] = {}
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            if SLICE_KINDS.get(name, "text") == "text":
                column = np.empty(len(values), object)
                column[:] = [value or "" for value in values]
            else:
                column = np.array([np.nan if value is None else value for value in values], np.float64)
            columns[name] = column
        return cls(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def vectors(self, *names: str) -> NDArray[np.float64]:
        """Some columns of numbers side by side, ``(N, len(names))``."""
        return np.stack([self.columns[name] for name in names], axis=1)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Centres of the first pixels, ``(N, 3)``, LPS mm."""
        return self.vectors("x_mm", "y_mm", "z_mm")

    @property
    def orientations(self) -> NDArray[np.float64]:
        """Directions of rows and columns, ``(N, 6)``."""
        return self.vectors("row_x", "row_y", "row_z", "column_x", "column_y", "column_z")

    @property
    def spacings(self) -> NDArray[np.float64]:
        """Between rows and between columns, ``(N, 2)``, mm."""
        return self.vectors("spacing_row_mm", "spacing_column_mm")

    def take(self, places: NDArray[np.int64]) -> Frames:
        """Some of the frames."""
        return Frames({name: column[places] for name, column in self.columns.items()})
