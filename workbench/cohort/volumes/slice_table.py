"""The ledger's table of slices: where every frame lies in the patient, noted while its file is read.

It stays in the cohort's ``private/`` folder: places are kept as the header says, and times of the day to the second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.cohort.columns import SLICE, SQL_TYPES
from workbench.cohort.keys import SiteKey

if TYPE_CHECKING:
    from workbench.dicom.image import Image

VERSION = 1
"""Files noted under another version are read again."""
COLUMNS: tuple[tuple[str, str], ...] = (("frame", "int"), *((column.name, column.kind) for column in SLICE))


def rows_of(image: Image, key: SiteKey) -> tuple[tuple[Any, ...], ...]:
    """One row per frame that is a slice, in the order of ``COLUMNS``.

    Args:
        image: The open picture.
        key: Turns the frame of reference's UID into a key.
    """
    from workbench.dicom.slice_facts import slice_facts

    uid = image.header.identifiers.frame_of_reference_uid
    frame_of_reference = key.uid(uid) if uid else None
    rows = []
    for number in range(image.frames):
        facts = slice_facts(image, number)
        if facts is None:
            continue
        rows.append(
            (
                number,
                frame_of_reference,
                *(facts.position or (None,) * 3),
                *(facts.orientation or (None,) * 6),
                *(facts.spacing_mm or (None,) * 2),
                *facts[3:],
            )
        )
    return tuple(rows)


def create_table(connection: sqlite3.Connection) -> None:
    """Make the ledger's table of slices, if there is none."""
    columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in COLUMNS)
    connection.execute(f"CREATE TABLE IF NOT EXISTS slices (file INTEGER, {columns})")
    connection.execute("CREATE INDEX IF NOT EXISTS slices_file ON slices (file, frame)")


def insert(connection: sqlite3.Connection, file: int, rows: Iterable[tuple[Any, ...]]) -> None:
    """Note the slices of a file."""
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    connection.executemany(f"INSERT INTO slices VALUES ({marks})", ((file, *row) for row in rows))
