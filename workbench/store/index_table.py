"""The index of a store: one row per scan, saying where its pixels lie and what they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from workbench.errors import OperationFailed

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: tuple[tuple[str, str], ...] = (
    ("scan_id", "string"),
    ("row", "int64"),
    ("shard", "string"),
    ("slot", "int32"),
    ("valid_top", "int32"),
    ("valid_left", "int32"),
    ("valid_height", "int32"),
    ("valid_width", "int32"),
    ("spacing_row_mm", "float64"),
    ("spacing_column_mm", "float64"),
    ("dtype", "string"),
    ("bits_stored", "int32"),
    ("low", "float64"),
    ("high", "float64"),
    ("modality", "string"),
    ("content", "string"),
)
OF_SCAN = tuple(name for name, _ in COLUMNS if name not in ("row", "shard"))
"""What a shard's record tells of each of its scans."""
FACTS = b"workbench"
NEEDED = ("digest", "scans", "shards")
BATCH = 1000


def schema() -> pa.Schema:
    """The table's Arrow schema."""
    import pyarrow as pa

    return pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS])


def write_index(
    file: Path, *, before: Path | None, records: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], drop: set[str]
) -> int:
    """Write the index anew: the rows of ``before``, then those of new shards; replaced in one move.

    Args:
        file: The index.
        before: The index so far, if any.
        records: Of the new shards, in the order of their rows: ``{"shard": name, "scans": [values of OF_SCAN, ...]}``.
        facts: Kept in the file's metadata, as JSON.
        drop: Shards whose rows are left out, because their pixels are gone.

    Returns:
        Number of rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema().with_metadata({FACTS: json.dumps(facts).encode()})
    temporary = file.with_name(f".{file.name}.tmp")
    row = 0
    with pq.ParquetWriter(temporary, columns) as writer:
        if before is not None:
            with pq.ParquetFile(before) as old:
                for batch in old.iter_batches(BATCH, use_threads=False):
                    table = pa.Table.from_batches([batch])
                    if drop:
                        table = table.filter(pa.array([shard not in drop for shard in table["shard"].to_pylist()]))
                    numbers = pa.array(range(row, row + len(table)), pa.int64())
                    table = table.set_column(1, "row", numbers)
                    row += len(table)
                    writer.write_table(table.cast(columns))
        for record in records:
            scans = record["scans"]
            data = {name: [scan[place] for scan in scans] for place, name in enumerate(OF_SCAN)}
            data["row"] = list(range(row, row + len(scans)))
            data["shard"] = [record["shard"]] * len(scans)
            row += len(scans)
            writer.write_table(pa.table({name: data[name] for name, _ in COLUMNS}).cast(columns))
    temporary.replace(file)
    return row


def read_facts(file: Path | IO[bytes]) -> dict[str, Any]:
    """The facts in the metadata of an index.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return json.loads(pq.read_schema(file).metadata[FACTS])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise damaged(file) from error


def lacking(file: Path | IO[bytes]) -> tuple[list[str], list[str]]:
    """Facts and columns that an index written by an earlier version lacks; none for one of this version.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts = read_facts(file)
    try:
        columns = pq.read_schema(file).names
    except (OSError, pa.ArrowException) as error:
        raise damaged(file) from error
    return [name for name in NEEDED if name not in facts], [name for name, _ in COLUMNS if name not in columns]


def iterate_columns(file: Path, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """Some columns of the index, row by row, without holding all rows.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(BATCH, columns=names, use_threads=False):
                yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    except (OSError, pa.ArrowException) as error:
        raise damaged(file) from error


def read_column(file: Path | IO[bytes], name: str) -> pa.ChunkedArray:
    """One column of the index.

    Raises:
        OperationFailed: It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file, columns=[name], use_threads=False)[name]
    except (OSError, pa.ArrowException) as error:
        raise damaged(file) from error


def damaged(file: Path | IO[bytes]) -> OperationFailed:
    """The error of an index that cannot be read."""
    return OperationFailed(
        "The index of the store is damaged.",
        where=getattr(file, "name", "") if not isinstance(file, Path) else file,
        todo="Delete the store's folder and run 'workbench prepare' again.",
    )
