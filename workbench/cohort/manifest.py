"""Writing the manifest and the private tables from the ledger, a few thousand rows at a time."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.cohort.columns import KINDS, NAMES, SCAN_COLUMNS
from workbench.cohort.groups import connect
from workbench.cohort.ledger import Ledger

BATCH = 1000
REFUSED_COLUMNS = ("path_key", "outcome", "detail")
PATH_COLUMNS = (
    ("path_key", "text"),
    ("root", "bytes"),
    ("path", "bytes"),
    ("member", "text"),
    ("size", "int"),
    ("mtime_ns", "int"),
)
LINK_COLUMNS = (("kind", "text"), ("key", "text"), ("hash", "text"))


def group_patients(ledger: Ledger, alike: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """The group of every patient; left in the ledger's connection as the temporary table ``patients``.

    Identical pictures tie their patients together, and so do nearly identical ones. Blank pictures (one value
    everywhere) tie nobody together.

    Args:
        ledger: A settled ledger with the view ``kept``.
        alike: Pairs of scans that were compared and found nearly the same.
    """
    run = ledger.connection.execute
    for table in ("patients", "repeated", "shared"):
        run(f"DROP TABLE IF EXISTS temp.{table}")
    run("CREATE TEMP TABLE patients (number INTEGER PRIMARY KEY, key TEXT UNIQUE, family TEXT)")
    run("INSERT INTO patients (key) SELECT patient_key FROM kept GROUP BY patient_key ORDER BY patient_key")
    run("CREATE TEMP TABLE repeated (hash TEXT PRIMARY KEY) WITHOUT ROWID")
    run("INSERT INTO repeated SELECT pixel_hash FROM kept GROUP BY pixel_hash HAVING COUNT(*) > 1")
    run("CREATE TEMP TABLE shared (number INTEGER PRIMARY KEY, hash TEXT UNIQUE)")
    run(
        "INSERT INTO shared (hash) SELECT pixel_hash FROM kept JOIN repeated ON hash = pixel_hash "
        "WHERE ';' || flags || ';' NOT LIKE '%;blank;%' GROUP BY pixel_hash HAVING COUNT(DISTINCT patient_key) > 1"
    )
    patients = [row[0] for row in run("SELECT key FROM patients ORDER BY number")]
    (pictures,) = run("SELECT COUNT(*) FROM shared").fetchone()
    links = list(_links_of(ledger, alike, pictures))
    links += run(
        "SELECT DISTINCT patients.number - 1, shared.number - 1 FROM kept JOIN shared ON shared.hash = pixel_hash "
        "JOIN patients ON patients.key = patient_key"
    )
    groups = connect(patients, links, pictures + len(alike))
    run("BEGIN")
    ledger.connection.executemany(
        "UPDATE patients SET family = ? WHERE number = ?", ((group, n + 1) for n, group in enumerate(groups))
    )
    run("COMMIT")
    return dict(zip(patients, groups, strict=True))


def _links_of(ledger: Ledger, alike: Sequence[tuple[str, str]], first: int) -> Iterator[tuple[int, int]]:
    """Patient and picture of each pair, as numbers; pictures are numbered from ``first``."""
    run = ledger.connection.execute
    run("DROP TABLE IF EXISTS temp.alike")
    run("CREATE TEMP TABLE alike (number INTEGER, scan TEXT)")
    rows = [(first + number, scan) for number, pair in enumerate(alike) for scan in pair]
    ledger.connection.executemany("INSERT INTO temp.alike VALUES (?, ?)", rows)
    run("CREATE INDEX temp.alike_scan ON alike (scan)")
    yield from run(
        "SELECT DISTINCT patients.number - 1, alike.number FROM kept JOIN temp.alike ON alike.scan = kept.scan_id "
        "JOIN patients ON patients.key = kept.patient_key"
    )


def write_manifest(ledger: Ledger, file: Path) -> None:
    """Write ``manifest.parquet``: the kept scans in the order in which their files were indexed first.

    ``group_patients`` and ``volumes.tables.find`` have left their temporary tables in the ledger's connection.
    """
    columns = ", ".join(f'scans."{name}"' for name in SCAN_COLUMNS)
    rows = ledger.connection.execute(
        f"SELECT {columns}, patients.family, repeated.hash IS NOT NULL, stack_flags.flag FROM files "
        "JOIN scans ON scans.file = files.id JOIN patients ON patients.key = scans.patient_key "
        "LEFT JOIN repeated ON repeated.hash = scans.pixel_hash "
        "LEFT JOIN stack_flags ON stack_flags.file = scans.file AND stack_flags.frame = scans.frame "
        "WHERE files.gone = 0 AND files.used ORDER BY files.generation, files.path, files.member, scans.frame"
    )
    flags = SCAN_COLUMNS.index("flags")

    def finished() -> Iterator[tuple[Any, ...]]:
        for *row, again, stack in rows:
            if again or stack:
                more = {"identical_pixels" if again else "", stack or ""}
                row[flags] = ";".join(sorted({*row[flags].split(";"), *more} - {""}))
            yield tuple(row)

    write_parquet(file, [(name, KINDS[name]) for name in NAMES], finished())


def write_refused(file: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write ``refused.csv``."""
    temporary = file.with_name(f".{file.name}.part")
    with temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(REFUSED_COLUMNS)
        writer.writerows(rows)
    temporary.replace(file)


def write_private(ledger: Ledger, folder: Path, path_key: Callable[[str, str], str]) -> None:
    """Write ``paths.parquet`` and ``links.parquet`` into the cohort's private folder."""
    paths = ledger.connection.execute(
        "SELECT roots.path, files.path, member, size, mtime_ns FROM files JOIN roots ON roots.id = root "
        "WHERE gone = 0 ORDER BY generation, files.path, member"
    )
    rows = ((path_key(os.fsdecode(path), member), root, path, member, *rest) for root, path, member, *rest in paths)
    write_parquet(folder / "paths.parquet", PATH_COLUMNS, rows)
    links = ledger.connection.execute("SELECT kind, key, hash FROM links ORDER BY kind, key, hash")
    write_parquet(folder / "links.parquet", LINK_COLUMNS, links)


def write_parquet(file: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows to a Parquet file in batches, under a temporary name until it is whole.

    Args:
        file: The file.
        columns: Names, and kinds ``text``, ``int``, ``float``, ``flag``, ``floats`` or ``bytes``.
        rows: Tuples in the columns' order.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "flag": pa.bool_(), "bytes": pa.binary()}
    kinds["floats"] = pa.list_(pa.float64())
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns])
    flags = [number for number, (_, kind) in enumerate(columns) if kind == "flag"]
    temporary = file.with_name(f".{file.name}.part")
    source = iter(rows)
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch := list(islice(source, BATCH)):
            lists = [list(values) for values in zip(*batch, strict=True)]
            for number in flags:
                lists[number] = [bool(value) for value in lists[number]]
            arrays = [pa.array(values, type=field.type) for values, field in zip(lists, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    temporary.replace(file)


def known_patients(file: Path) -> set[str]:
    """The patient keys of a manifest already written; empty where there is none."""
    if not file.exists():
        return set()
    import pyarrow.parquet as pq

    return set(pq.read_table(file, columns=["patient_key"])["patient_key"].unique().to_pylist())
