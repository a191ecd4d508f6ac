"""A version of a cohort's labels: classes and one target per labelled scan; published once, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError, OperationFailed

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "labels"
FACTS = b"workbench"


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of scans.

    Attributes:
        version: ``v1``, ``v2`` and so on, or a name of one's own.
        task: ``binary``, ``multiclass``, ``multilabel`` or ``ordinal``.
        classes: Class names in the order of their indices.
        table: One row per labelled scan: ``scan_id`` and ``label`` (class name), or for a multi-label task one column
            per class with 0, 1 or nan.
        attributes: ``scan_id`` and the further columns of the label file, as text.
        unit: What one row of the label file spoke about: ``path``, ``sop``, ``series``, ``study`` or ``patient``.
        report: What the join found.
    """

    version: str
    task: str
    classes: list[str]
    table: pd.DataFrame
    attributes: pd.DataFrame
    unit: str = "sop"
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def scan_ids(self) -> NDArray[np.object_]:
        """The labelled scans."""
        return self.table["scan_id"].to_numpy(dtype=object)

    def targets(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[Any]:
        """The targets of some labelled scans.

        Returns:
            ``(N,)`` int64 class indices, or for a multi-label task ``(N, L)`` float32 of 0, 1 and nan.

        Raises:
            InputError: A scan has no label.
        """
        rows = self.table.set_index("scan_id")
        absent = [scan for scan in scan_ids if scan not in rows.index]
        if absent:
            raise InputError(
                f"{len(absent):,} of {len(scan_ids):,} scans have no label in version {self.version}.",
                where=f"first scan {absent[0]}",
                todo="Ask for labelled scans only (Cohort.development and Cohort.test give those).",
            )
        chosen = rows.loc[list(scan_ids)]
        if self.task == "multilabel":
            return chosen[self.classes].to_numpy(dtype=np.float32)
        index = {name: number for number, name in enumerate(self.classes)}
        return np.fromiter((index[name] for name in chosen["label"]), np.int64, len(chosen))

    def counts(self, scan_ids: Sequence[str] | NDArray[Any] | None = None) -> dict[str, int]:
        """Scans per class (with the finding, for a multi-label task), of all or of some labelled scans."""
        table = self.table if scan_ids is None else self.table[self.table["scan_id"].isin(set(scan_ids))]
        if self.task == "multilabel":
            return {name: int((table[name] == 1).sum()) for name in self.classes}
        found = table["label"].value_counts()
        return {name: int(found.get(name, 0)) for name in self.classes}

    def write(self, cohort_folder: Path) -> Path:
        """Publish as ``labels/<version>.parquet``.

        Raises:
            InputError: The version exists.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = cohort_folder / FOLDER
        folder.mkdir(exist_ok=True)
        file = folder / f"{self.version}.parquet"
        if file.exists():
            raise InputError(
                f"Labels '{self.version}' exist already, and published labels do not change.",
                where=file,
                todo="Leave out version= to make the next one.",
            )
        renamed = self.attributes.set_index("scan_id").add_prefix("attribute:").reset_index()
        table = pa.Table.from_pandas(self.table.merge(renamed, on="scan_id", how="left"), preserve_index=False)
        facts = {
            "version": self.version,
            "task": self.task,
            "classes": self.classes,
            "unit": self.unit,
            "report": self.report,
        }
        temporary = file.with_name(f".{file.name}.part")
        pq.write_table(table.replace_schema_metadata({FACTS: json.dumps(facts).encode()}), temporary)
        temporary.replace(file)
        return file

    @classmethod
    def read(cls, cohort_folder: Path, version: str | None = None) -> Labels:
        """Read a version; the latest published when none is named.

        Raises:
            InputError: There is no such version, or none at all.
            OperationFailed: The file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        known = versions(cohort_folder)
        if not known:
            raise InputError(
                "This cohort has no labels yet.", where=cohort_folder.name, todo="Join a table with 'workbench label'."
            )
        if version and version not in known:
            raise InputError(f"There are no labels '{version}'.", todo=f"Known: {', '.join(known)}.")
        file = cohort_folder / FOLDER / f"{version or known[-1]}.parquet"
        try:
            table = pq.read_table(file)
            facts = json.loads((table.schema.metadata or {})[FACTS])
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise OperationFailed(
                "The labels cannot be read.", where=file, todo="Bring them back from a backup."
            ) from error
        frame = table.to_pandas()
        extra = [name for name in frame.columns if name.startswith("attribute:")]
        attributes = frame[["scan_id", *extra]].rename(columns=lambda name: name.removeprefix("attribute:"))
        targets = frame.drop(columns=extra)
        return cls(
            facts["version"], facts["task"], facts["classes"], targets, attributes, facts["unit"], facts["report"]
        )


def versions(cohort_folder: Path) -> list[str]:
    """The published versions: ``v1, v2, ...`` by number and others by name, the latest published last."""
    files = [file for file in (cohort_folder / FOLDER).glob("*.parquet") if not file.name.startswith(".")]
    return [
        file.stem for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, _number(file.stem), file.stem))
    ]


def next_version(cohort_folder: Path) -> str:
    """The next of ``v1, v2, ...``."""
    return f"v{max([_number(name) for name in versions(cohort_folder)], default=0) + 1}"


def _number(version: str) -> int:
    return int(version[1:]) if version[:1] == "v" and version[1:].isdigit() else 0
