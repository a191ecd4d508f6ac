"""A cohort's scans in memory, shared by all who look: one row per scan, and the stack that a viewer scrolls through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.surroundings import workspace
from workbench.cohort.cohort import Cohort
from workbench.cohort.volumes.statuses import EVEN
from workbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SLICES = ("CT", "MR", "PT", "NM")
"""Kinds of scan whose series are stacks, where the cohort's table of slices does not say more."""


@dataclass(frozen=True)
class Geometry:
    """What is known of a stack's places in space.

    Attributes:
        volume: Key of the volume that the stack is, if its slices are evenly spaced; else ''.
        slices: How many slices it has; 0 for a picture that is no slice.
        sentence: What is to be said of its spacing.
    """

    volume: str = ""
    slices: int = 0
    sentence: str = ""


class Catalogue:
    """The scans of a cohort; read-only, and made anew when its files change. ``catalogue`` gets one.

    Args:
        folder: The cohort's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.cohort = Cohort.open(folder)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The manifest, with ``stack``, a number, and ``place``, where the scan comes in it. Do not change it."""
        import pandas as pd

        table = self.cohort.manifest.reset_index(drop=True)
        # One file's frames are a stack, a series of slices is one, and any other picture stands alone.
        sliced = table["modality"].isin(SLICES)
        name = table["instance_key"].where(~sliced, table["series_key"]).astype(object)
        place = pd.Series(np.arange(len(table)), index=table.index)
        if len(self._slices):
            of_scan = self._slices.reindex(table["scan_id"])
            found = of_scan["stack_id"].notna().to_numpy()
            name = name.where(~found, of_scan["stack_id"].to_numpy())
            place = place.where(~found, of_scan["place"].to_numpy())
        return table.assign(stack=pd.factorize(name)[0], place=place.astype(np.int64))

    @cached_property
    def stacks(self) -> pd.DataFrame:
        """One row per stack: that of its middle scan, with ``pictures``, how many it has; in the manifest's order."""
        counts = self.table["stack"].value_counts(sort=False).sort_index().to_numpy()
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        return self.table.iloc[self._order[starts + counts // 2]].assign(pictures=counts).reset_index(drop=True)

    @cached_property
    def findings(self) -> tuple[NDArray[np.bool_], list[str]]:
        """Which scan carries which finding: ``(N, F)``, and their names in words."""
        hits = self.table["flags"].fillna("").str.get_dummies(sep=";").drop(columns="", errors="ignore")
        return hits.to_numpy(dtype=bool), [name.replace("_", " ") for name in hits.columns]

    @cached_property
    def age_bands(self) -> pd.Series:
        """The age of every scan's patient in tens of years, as text."""
        tens = self.table["age_years"] // 10 * 10
        return tens.map(
            lambda ten: None if ten != ten else "90 or over" if ten >= 90 else f"{ten:02.0f}-{ten + 9:02.0f}"
        )

    def row(self, scan_id: str) -> dict[str, Any]:
        """What is known of a scan.

        Raises:
            InputError: It is not in the cohort.
        """
        row = self.table.iloc[self.number(scan_id)]
        return {str(name): value for name, value in row.items()}

    def has(self, scan_id: str) -> bool:
        """Whether the scan is in the cohort."""
        return scan_id in self._numbers

    def stack_of(self, scan_id: str) -> list[str]:
        """The scans of its stack, in order.

        Raises:
            InputError: It is not in the cohort.
        """
        stack = int(self.table["stack"].iloc[self.number(scan_id)])
        first, last = np.searchsorted(self._sorted_stacks, [stack, stack + 1])
        return self.table["scan_id"].iloc[self._order[first:last]].tolist()

    def geometry_of(self, scan_id: str) -> Geometry:
        """Whether the scan's stack is a volume.

        Raises:
            OperationFailed: The cohort's table of stacks cannot be read.
        """
        if scan_id not in self._slices.index:
            return Geometry()
        slice_: Any = self._slices.loc[scan_id]
        if slice_["stack_id"] not in self._stacks.index:
            return Geometry()
        stack: Any = self._stacks.loc[slice_["stack_id"]]
        volume = str(slice_["volume_id"] or "") if stack["status"] in EVEN else ""
        return Geometry(volume, int(stack["slices"]), str(stack["sentence"]))

    def number(self, scan_id: str) -> int:
        """The row of the table that holds a scan.

        Raises:
            InputError: It is not in the cohort.
        """
        number = self._numbers.get(scan_id)
        if number is None:
            raise InputError(
                f"There is no picture {scan_id[:24]} in '{self.cohort.name}'.", todo="Choose one from the list."
            )
        return number

    @cached_property
    def _slices(self) -> pd.DataFrame:
        """Stack, place and volume of every scan that is a slice; empty where nobody looked for stacks."""
        import pandas as pd

        file, columns = self.cohort.folder / "slices.parquet", ["scan_id", "stack_id", "place", "volume_id"]
        found = pd.read_parquet(file, columns=columns) if file.is_file() else pd.DataFrame(columns=columns)
        return found.drop_duplicates("scan_id").set_index("scan_id")

    @cached_property
    def _stacks(self) -> pd.DataFrame:
        return self.cohort.stacks.set_index("stack_id")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {scan: number for number, scan in enumerate(self.table["scan_id"])}

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """Rows of the table by stack, then place, then as they come."""
        return np.lexsort((self.table["place"].to_numpy(), self.table["stack"].to_numpy()))

    @cached_property
    def _sorted_stacks(self) -> NDArray[np.int64]:
        return self.table["stack"].to_numpy()[self._order]


def catalogue(name: str) -> Catalogue:
    """The catalogue of a cohort of this workspace.

    Raises:
        InputError: There is none of that name.
    """
    folder = workspace().cohort_dir(name)
    changed = tuple(_changed(folder / file) for file in ("manifest.parquet", "slices.parquet", "private/paths.parquet"))
    return _catalogue(folder, changed)


@lru_cache(maxsize=4)
def _catalogue(folder: Path, changed: tuple[int, ...]) -> Catalogue:
    return Catalogue(folder)


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
