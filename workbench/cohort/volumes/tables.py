"""The tables of stacks, volumes and their slices, from an index's ledger: one series in memory at a time."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from workbench.cohort.columns import SHARED, SLICE_NAMES, SQL_TYPES, STACK_SLICES, STACKS, VOLUMES, Column
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import Ledger
from workbench.cohort.manifest import write_parquet
from workbench.cohort.pixel_hashes import combined_hash
from workbench.cohort.volumes.affine import spacing_of
from workbench.cohort.volumes.frames import Frames
from workbench.cohort.volumes.stacks import Run, Stack, find_stacks, single
from workbench.cohort.volumes.statuses import UNFIT_FOR_2D

FILES = {"stacks": "stacks.parquet", "volumes": "volumes.parquet", "stack_slices": "slices.parquet"}
_TABLES: dict[str, tuple[Column, ...]] = {"stacks": STACKS, "volumes": VOLUMES, "stack_slices": STACK_SLICES}
_TYPES = {**SQL_TYPES, "floats": "TEXT"}
_OF_FRAMES = ("scan_id", "path_key", "rows", "columns", "pixel_hash", "flags", *SLICE_NAMES)
_NAMES = ("file", "frame", *_OF_FRAMES, *SHARED)
_SCAN = _NAMES.index("scan_id")
_OF_FILE = tuple(_NAMES.index(name) for name in ("scan_id", "path_key", "frame", "pixel_hash"))
_OF_SLICES = frozenset({"file", "frame", *SLICE_NAMES})
_NOT_OF_A_VOLUME = frozenset({"", "blank", "identical_pixels"})


@dataclass
class Found:
    """What was found in an index.

    Attributes:
        volumes: Volumes.
        stacks: Stacks by status.
        slices: Their slices, by status.
        repeats: Slices left out because the same picture was there already.
        examples: A sentence of each status.
    """

    volumes: int = 0
    stacks: Counter[str] = field(default_factory=Counter)
    slices: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    examples: dict[str, str] = field(default_factory=dict)


def find(ledger: Ledger, key: SiteKey) -> Found:
    """Find the stacks and volumes of a settled ledger; they are left in its connection as temporary tables.

    ``temp.stack_flags`` then tells which frames are to be kept out of pools, and why.

    Args:
        ledger: The ledger, settled and with its patients grouped.
        key: Makes the keys of stacks and volumes.
    """
    run = ledger.connection
    _make_tables(run)
    found = Found()
    run.execute("BEGIN")
    for rows in _series(run):
        if len(rows) == 1:
            facts = dict(zip(_NAMES, rows[0], strict=True))
            _note(run, key, rows, None, single(facts), found)
            continue
        frames = Frames.of(_OF_FRAMES, [row[2 : 2 + len(_OF_FRAMES)] for row in rows])
        for stack in find_stacks(frames):
            _note(run, key, rows, frames, stack, found)
    run.execute("COMMIT")
    return found


def write(ledger: Ledger, folder: Path) -> None:
    """Write what ``find`` left to ``stacks.parquet``, ``volumes.parquet`` and ``slices.parquet``."""
    for table, file in FILES.items():
        columns = _TABLES[table]
        names = ", ".join(f'"{column.name}"' for column in columns)
        rows = ledger.connection.execute(f"SELECT {names} FROM temp.{table} ORDER BY rowid")
        lists = [number for number, column in enumerate(columns) if column.kind == "floats"]
        write_parquet(folder / file, [(column.name, column.kind) for column in columns], _unpacked(rows, lists))


def _unpacked(rows: Iterator[tuple[Any, ...]], lists: list[int]) -> Iterator[list[Any]]:
    for row in rows:
        cells = list(row)
        for number in lists:
            cells[number] = json.loads(cells[number]) if cells[number] else None
        yield cells


def _make_tables(run: sqlite3.Connection) -> None:
    for table, columns in _TABLES.items():
        run.execute(f"DROP TABLE IF EXISTS temp.{table}")
        declared = ", ".join(f'"{column.name}" {_TYPES[column.kind]}' for column in columns)
        run.execute(f"CREATE TEMP TABLE {table} ({declared})")
    run.execute("DROP TABLE IF EXISTS temp.stack_flags")
    run.execute("CREATE TEMP TABLE stack_flags (file INTEGER, frame INTEGER, flag TEXT, PRIMARY KEY (file, frame))")


def _series(run: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of every series, in the order of the manifest within it."""
    names = ", ".join(f'{"slices" if name in _OF_SLICES else "scans"}."{name}"' for name in _NAMES)
    cursor = run.cursor()
    cursor.execute(
        f"SELECT scans.study_key, scans.series_key, {names} "
        "FROM main.slices JOIN main.scans ON scans.file = slices.file AND scans.frame = slices.frame "
        "JOIN main.files ON files.id = slices.file WHERE files.gone = 0 AND files.used "
        "ORDER BY 1, 2, files.generation, files.path, files.member, slices.frame"
    )
    for _, rows in groupby(cursor, key=lambda row: row[:2]):
        yield [row[2:] for row in rows]


def _note(
    run: sqlite3.Connection,
    key: SiteKey,
    rows: Sequence[Sequence[Any]],
    frames: Frames | None,
    stack: Stack,
    found: Found,
) -> None:
    """Put one stack into the temporary tables; ``frames`` are the rows as columns, needed where there are several."""
    places = stack.places.tolist()
    first = dict(zip(_NAMES, rows[places[0]], strict=True))
    stack_id = key.word("K", "stack|" + "|".join(rows[place][_SCAN] for place in places))
    found.stacks[stack.status] += 1
    found.slices[stack.status] += len(places)
    found.repeats += len(stack.repeats)
    found.examples.setdefault(stack.status, stack.sentence)
    family = run.execute("SELECT family FROM temp.patients WHERE key = ?", (first["patient_key"],)).fetchone()
    first["group"] = family[0] if family else None
    _insert(
        run,
        "stacks",
        first
        | _scan(rows, frames, stack, stack)
        | {
            "stack_id": stack_id,
            "sentence": stack.sentence,
            "tilt_deg": stack.geometry.tilt_deg if stack.geometry else None,
            "repeats": len(stack.repeats),
            "volumes": len(stack.volumes),
        },
    )
    volume_of: dict[int, str] = {}
    for part in stack.volumes:
        members = part.places.tolist()
        volume_id = key.word("S", "volume|" + "|".join(rows[place][_SCAN] for place in members))
        volume_of |= dict.fromkeys(members, volume_id)
        keys = {"scan_id": volume_id, "stack_id": stack_id}
        _insert(run, "volumes", first | _scan(rows, frames, stack, part) | keys)
        found.volumes += 1
    offsets = stack.geometry.offsets_mm.tolist() if stack.geometry else [None] * len(places)
    run.executemany(
        "INSERT INTO temp.stack_slices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(
                (stack_id, number, *(rows[place][column] for column in _OF_FILE), offset, volume_of.get(place), 0)
                for number, (place, offset) in enumerate(zip(places, offsets, strict=True))
            ),
            *(
                (stack_id, None, *(rows[place][column] for column in _OF_FILE), None, None, 1)
                for place in stack.repeats.tolist()
            ),
        ],
    )
    flag = stack.status.value if stack.status in UNFIT_FOR_2D else stack.kind if stack.kind == "projection" else ""
    if flag:
        places = [*stack.places.tolist(), *stack.repeats.tolist()]
        run.executemany(
            "INSERT INTO temp.stack_flags VALUES (?, ?, ?)",
            [(rows[place][0], rows[place][1], flag) for place in places],
        )


def _insert(run: sqlite3.Connection, table: str, facts: dict[str, Any]) -> None:
    names = [column.name for column in _TABLES[table]]
    run.execute(f"INSERT INTO temp.{table} VALUES ({', '.join('?' * len(names))})", [facts.get(name) for name in names])


def _scan(rows: Sequence[Sequence[Any]], frames: Frames | None, stack: Stack, part: Stack | Run) -> dict[str, Any]:
    """The facts of a stack, or of a volume made of it."""
    members = [dict(zip(_NAMES, rows[place], strict=True)) for place in part.places.tolist()]
    first = members[0]
    of_slices = [set(member["flags"].split(";")) for member in members]
    flags = set().union(*of_slices) - _NOT_OF_A_VOLUME
    if all("blank" in own for own in of_slices):
        flags.add("blank")
    if stack.kind:
        flags.add(stack.kind)
    hashes = [member["pixel_hash"] for member in members]
    thickness = [member["thickness_mm"] for member in members if member["thickness_mm"] is not None]
    facts: dict[str, Any] = {
        "slices": len(members),
        "thickness_mm": float(np.median(thickness)) if thickness else None,
        "spacing_slice_mm": None,
        "status": part.status.value,
        "split_by": part.split_by,
        "split_value": part.split_value,
        "rescaled": int(first["modality"] == "MR" and frames is not None and _varies(frames, part.places)),
        "pixel_hash": combined_hash(hashes) if all(hashes) else None,
        "flags": ";".join(sorted(flags)),
    }
    if part.geometry is not None:
        affine = part.geometry.affine_lps
        between_slices, between_rows, between_columns = spacing_of(affine)
        facts |= {
            "spacing_slice_mm": between_slices if isinstance(part, Run) else part.geometry.spacing_mm or None,
            "spacing_row_mm": between_rows,
            "spacing_column_mm": between_columns,
            "affine_lps": json.dumps(affine.ravel().tolist()),
        }
    return facts


def _varies(frames: Frames, places: Any) -> bool:
    slope = np.nan_to_num(frames["slope"][places], nan=1.0)
    intercept = np.nan_to_num(frames["intercept"][places], nan=0.0)
    return bool(np.ptp(slope) > 1e-6 * np.abs(slope).max() or np.ptp(intercept) > 1e-6)
