"""What the rules look at: the cohort's scans with their measures, its labels, its split, and earlier comparisons."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels, versions
from workbench.cohort.quality import measures
from workbench.cohort.split import FILE as SPLIT_FILE
from workbench.cohort.split import Split

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "scan_id",
    "patient_key",
    "patient_unknown",
    "study_key",
    "series_key",
    "instance_key",
    "modality",
    "body_part",
    "view_position",
    "laterality",
    "sex",
    "age_years",
    "scanner",
    "site",
    "rows",
    "columns",
    "bits_stored",
    "photometric",
    "spacing_row_mm",
    "spacing_column_mm",
    "spacing_plane",
    "pixel_hash",
    "perceptual_hash",
    "flags",
    "group",
)

NUMBERED = ("study_key", "series_key", "instance_key", "group")
"""Columns of which only sameness matters: they are held as numbers, for millions of UIDs fill the memory."""
FEW_VALUES = ("modality", "body_part", "view_position", "laterality", "sex", "scanner", "site", "photometric")
FEW_VALUES += ("spacing_plane", "flags")
"""Columns of few different texts, held as categories."""
COMPARED = "near_duplicates.parquet"
CONTRADICTED = "contradicted.parquet"


@dataclass(frozen=True, eq=False)
class Features:
    """Features of scans by any encoder.

    Attributes:
        scan_ids: The scans, ``(N,)``.
        vectors: Their features, ``(N, D)`` float32, each of length 1.
    """

    scan_ids: NDArray[Any]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, scan_ids: NDArray[Any], vectors: NDArray[Any]) -> Features:
        """Features as an encoder gave them, ``(N, D)``; their lengths are made 1."""
        plain = np.asarray(vectors, np.float32)
        return cls(np.asarray(scan_ids, str), plain / np.maximum(np.linalg.norm(plain, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True, eq=False)
class Evidence:
    """A cohort as the rules see it.

    Attributes:
        scans: One row per scan: ``COLUMNS`` of the manifest and the measures (nan where a scan was not measured).
        numbers: The totals of the index (``intake.gather``).
        labels: The latest labels, or None.
        test_patients: Keys of the patients set aside.
        volumes, stacks, slices: The tables of volumes, or None where they are not there.
        compared: Pairs of scans already compared pixel by pixel: ``first, second, likeness``.
        contradicted: What neighbours in feature space said: ``scan_id, column, neighbours``.
    """

    scans: pd.DataFrame
    numbers: dict[str, Any] = field(default_factory=dict)
    labels: Labels | None = None
    test_patients: frozenset[str] = frozenset()
    volumes: pd.DataFrame | None = None
    stacks: pd.DataFrame | None = None
    slices: pd.DataFrame | None = None
    compared: pd.DataFrame | None = None
    contradicted: pd.DataFrame | None = None

    @classmethod
    def of(cls, cohort: Cohort, numbers: dict[str, Any]) -> Evidence:
        """Gather a cohort's evidence from its folder."""
        scans = _scans(cohort)
        known = versions(cohort.folder)
        split = Split.read(cohort.folder).test_patients if (cohort.folder / SPLIT_FILE).exists() else ()
        return cls(
            scans,
            numbers,
            labels=Labels.read(cohort.folder) if known else None,
            test_patients=frozenset(split),
            volumes=_table(
                cohort.folder / "volumes.parquet",
                "scan_id stack_id modality body_part slices spacing_slice_mm thickness_mm",
            ),
            stacks=_table(cohort.folder / "stacks.parquet", "stack_id status"),
            slices=_table(cohort.folder / "slices.parquet", "scan_id stack_id volume_id repeat"),
            compared=_table(cohort.private / COMPARED, "first second likeness"),
            contradicted=_table(cohort.private / CONTRADICTED, "scan_id column neighbours"),
        )

    def having(self, flag: str) -> NDArray[np.bool_]:
        """Which scans carry a flag."""
        codes, sets = self._flags
        return np.array([flag in one for one in sets] or [False])[codes]

    def of_modality(self, *modalities: str) -> NDArray[np.bool_]:
        """Which scans are of one of these modalities."""
        return self.scans["modality"].isin(modalities).to_numpy(bool)

    @cached_property
    def _flags(self) -> tuple[NDArray[np.int64], list[set[str]]]:
        """For every scan the number of its set of flags, and these sets; few differ."""
        import pandas as pd

        codes, texts = pd.factorize(self.scans["flags"].astype(object).fillna(""))
        return codes, [set(str(text).split(";")) for text in texts]

    @cached_property
    def shown(self) -> NDArray[np.bool_]:
        """Which scans show something: they are not blank."""
        return ~self.having("blank")

    def ids(self, rows: Any) -> list[str]:
        """The scan ids of some rows, given as booleans or an index."""
        return self.scans.loc[rows, "scan_id"].tolist()

    def measure(self, name: str) -> NDArray[np.float64]:
        """A measure of every scan, nan where it was not taken."""
        return self.scans[name].to_numpy(np.float64, na_value=np.nan)


def _scans(cohort: Cohort) -> pd.DataFrame:
    """The manifest's columns and the measures, one column at a time, so that little is in memory twice."""
    import pandas as pd
    import pyarrow as pa

    found: dict[str, Any] = {}
    file = cohort.folder / "manifest.parquet"
    for name in COLUMNS:
        column = _column(file, name)
        if name in NUMBERED:
            column = pd.Series(pd.factorize(column)[0].astype("int32"))
        elif name in ("age_years", "rows", "columns", "bits_stored"):
            column = column.astype("float32")
        found[name] = column
    measured = cohort.private / measures.FILE
    ids = found["scan_id"]
    theirs = _column(measured, "scan_id") if measured.is_file() else pd.Series([], dtype=ids.dtype)
    same = bool(len(theirs)) and theirs.equals(ids)
    places = np.arange(len(ids)) if same else pd.Index(theirs).get_indexer(pd.Index(ids))
    for name, _ in measures.COLUMNS[1:]:
        if len(theirs):
            values = _column(measured, name).to_numpy(np.float32, na_value=np.nan)
            found[name] = values if same else np.where(places >= 0, values[places], np.float32(np.nan))
        else:
            found[name] = np.full(len(ids), np.nan, np.float32)
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(found, copy=False)


def _column(file: Path, name: str) -> pd.Series:
    import pyarrow.parquet as pq

    few = [name] if name in FEW_VALUES else None
    return pq.read_table(file, columns=[name], read_dictionary=few).column(0).to_pandas().rename(name)


def _table(file: Path, columns: str) -> pd.DataFrame | None:
    import pandas as pd

    return pd.read_parquet(file, columns=columns.split()) if file.is_file() else None
