"""The index of a store of volumes: one row per volume, saying what lies in its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.store.index_table import damaged

if TYPE_CHECKING:
    import pyarrow as pa

INDEX = "index.parquet"
COLUMNS: tuple[tuple[str, str], ...] = (
    ("scan_id", "string"),
    ("slices", "int32"),
    ("rows", "int32"),
    ("columns", "int32"),
    ("spacing_slice_mm", "float64"),
    ("spacing_row_mm", "float64"),
    ("spacing_column_mm", "float64"),
    ("affine_lps", "floats"),
    ("dtype", "string"),
    ("units", "string"),
    ("modality", "string"),
    ("low", "float64"),
    ("high", "float64"),
    ("content", "string"),
)
"""Of the array in ``volumes/<scan_id>.npy``: length of its three axes, distances along them, affine from
``(axis 2, axis 1, axis 0, 1)`` to LPS mm, number type, units, display range and a hash."""


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"string": pa.string(), "int32": pa.int32(), "float64": pa.float64(), "floats": pa.list_(pa.float64())}
    return pa.schema([(name, kinds[kind]) for name, kind in COLUMNS])


def write_rows(file: Path, rows: Sequence[dict[str, Any]], *, digest: str) -> None:
    """Write the index anew; replaced in one move."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema().with_metadata({b"digest": digest.encode()})
    data = [[row[name] for row in rows] for name, _ in COLUMNS]
    arrays = [pa.array(values, type=field.type) for values, field in zip(data, schema, strict=True)]
    temporary = file.with_name(f".{file.name}.tmp")
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary)
    temporary.replace(file)


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of an index.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file, columns=[name for name, _ in COLUMNS]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise damaged(file) from error


def read_digest(file: Path) -> str:
    """The content version of an index.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(file).metadata[b"digest"].decode()
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise damaged(file) from error
