"""The measures of a scan: what the index notes about each picture for the rules, and the table that keeps them.

They lie in the cohort's ``private/`` folder: they serve the report and go into no run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cohort.columns import SQL_TYPES
from workbench.cohort.quality import statistics
from workbench.cohort.quality.burned_in import ConstantGlyphs, bright_outside, glyphs_in_line
from workbench.cohort.quality.statistics import statistics_of

if TYPE_CHECKING:
    from workbench.dicom.frame import Frame
    from workbench.dicom.image import Image

VERSION = 2
"""Pictures measured under another version are read again."""
FILE = "measures.parquet"
HEADER_MEASURES: tuple[tuple[str, str], ...] = (
    ("lossy_ratio", "float"),
    ("laterality_differs", "flag"),
    ("age_differs", "flag"),
    ("date_future", "flag"),
    ("date_before_1985", "flag"),
    ("date_new_year", "flag"),
    ("features_removed", "flag"),
)
PIXEL_MEASURES: tuple[tuple[str, str], ...] = (
    *((name, "float") for name in statistics.NAMES),
    ("side_contrast", "float"),
    ("bits_beyond", "flag"),
    ("glyphs", "int"),
    ("still_glyphs", "int"),
    ("bright_outside", "float"),
)
COLUMNS: tuple[tuple[str, str], ...] = (("scan_id", "text"), *HEADER_MEASURES, *PIXEL_MEASURES)
CLIPS = ("US", "IVUS", "XA", "RF", "ES")
"""Modalities whose clips are searched for what stands still."""
BLANK_STD, BLANK_SHARE, FLAT_RANGE = 0.005, 0.98, 0.005


class Measuring:
    """Measures the frames of one instance, one after the other.

    Args:
        image: The open picture.
    """

    def __init__(self, image: Image) -> None:
        from workbench.dicom.contradictions import contradictions

        root = image.parsed.root
        said = contradictions(root)
        self.saved_screen = said.saved_screen
        self._image = image
        self._header = (
            said.lossy_ratio,
            *(int(value) for value in (said.laterality, said.age, said.future, said.before_1985, said.new_year)),
            int(said.features_removed),
        )
        clip = image.frames > 1 and image.modality in CLIPS
        self._still = ConstantGlyphs() if clip else None
        self._regions = _tissue_regions(image) if image.modality in ("US", "IVUS") else []

    def frame(self, scan_id: str, number: int, frame: Frame) -> tuple[tuple[Any, ...], tuple[str, ...]]:
        """The measures of one frame in the order of ``COLUMNS``, and the flags that follow from them.

        Args:
            scan_id: The scan's key.
            number: The frame's number, from 0.
            frame: The calibrated frame.
        """
        numbers = statistics_of(frame)
        grey = frame.values.max(axis=2) if frame.colour else frame.values
        low, high = numbers["low"], numbers["high"]
        still = 0
        if self._still is not None:
            self._still.add(grey)
            still = self._still.in_line() if number == self._image.frames - 1 else 0
        row = (
            scan_id,
            *self._header,
            *numbers.values(),
            _side_contrast(grey) if frame.modality == "MG" else None,
            int(_bits_beyond(self._image, number)),
            glyphs_in_line(grey, low, high) if low is not None and high is not None else 0,
            still,
            bright_outside(grey, self._regions) if self._regions else None,
        )
        flags = ["saved_screen"] if self.saved_screen else []
        if is_blank(numbers, frame):
            flags.append("blank")
        return row, tuple(flags)


def is_blank(numbers: dict[str, float | None], frame: Frame) -> bool:
    """Whether a picture shows nothing: hardly any spread, or one value nearly everywhere (padding left aside).

    Its spread is held against its own range: many pictures use a small part of the values that could be stored. A
    radiograph whose whole range is less than 0.5 % of those is blank too.
    """
    low, high, std, share = (numbers[name] for name in ("low", "high", "std", "mode_share"))
    if low is None or high is None or std is None or share is None:
        return True
    span = high - low
    if std <= BLANK_STD * span or share > BLANK_SHARE:
        return True
    storable = abs(frame.ends[1] - frame.ends[0])
    return frame.modality in statistics.RADIOGRAPHS and storable > 0 and span < FLAT_RANGE * storable


def create_table(connection: sqlite3.Connection) -> None:
    """Make the ledger's table of measures, if there is none."""
    columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in COLUMNS)
    connection.execute(f"CREATE TABLE IF NOT EXISTS measures (file INTEGER, {columns})")
    connection.execute("CREATE INDEX IF NOT EXISTS measures_file ON measures (file)")


def insert(connection: sqlite3.Connection, file: int, rows: Iterable[tuple[Any, ...]]) -> None:
    """Note the measures of a file's scans."""
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    connection.executemany(f"INSERT INTO measures VALUES ({marks})", ((file, *row) for row in rows))


def write(connection: sqlite3.Connection, folder: Path) -> None:
    """Write ``measures.parquet`` of the scans in use into the cohort's private folder."""
    from workbench.cohort.manifest import write_parquet

    names = ", ".join(f'measures."{name}"' for name, _ in COLUMNS)
    rows = connection.execute(
        f"SELECT {names} FROM main.measures JOIN main.files ON files.id = measures.file "
        "WHERE files.gone = 0 AND files.used ORDER BY files.generation, files.path, files.member, measures.rowid"
    )
    write_parquet(folder / FILE, COLUMNS, rows)


def _tissue_regions(image: Image) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of the tissue regions (region data type 1); none where any leaves the picture."""
    regions = []
    for item in image.parsed.root.items("SequenceOfUltrasoundRegions"):
        names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
        corners = [item.integer(name) for name in names]
        left, top, right, bottom = (-1 if corner is None else corner for corner in corners)
        if left < 0 or top < 0 or not left < right <= image.form.columns or not top < bottom <= image.form.rows:
            return []
        if item.integer("RegionDataType") == 1:
            regions.append((left, top, right, bottom))
    return regions


def _bits_beyond(image: Image, number: int) -> bool:
    """Whether a sample of an uncompressed unsigned picture has bits set above the stored ones, without an overlay."""
    from workbench.dicom.decoding import native_words

    form, parsed = image.form, image.parsed
    if form.signed or form.high_bit + 1 >= form.bits_allocated or form.samples != 1 or not parsed.native:
        return False
    if not parsed.root.syntax.little or any(0x6000 <= tag >> 16 <= 0x601E for tag in parsed.root.elements):
        return False
    words = native_words(parsed, form, number)
    return bool((words[::7, ::3] >> (form.high_bit + 1)).any())


def _side_contrast(grey: Any) -> float:
    """Mean of the left half less mean of the right half, over the range: on which side the breast lies."""
    small = grey[::8, ::8]
    half = small.shape[1] // 2
    span = float(small.max() - small.min())
    return float(small[:, :half].mean() - small[:, half:].mean()) / span if half and span else 0.0
