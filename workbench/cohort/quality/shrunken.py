"""Small copies of pictures for people and for comparisons, decoded in processes of their own and without any header.

A copy holds pixels and nothing else: no file name, no attribute, no metadata. Uncompressed files are read by our own
code in this process; compressed ones go to a child, for a codec may die on them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.errors import WorkbenchError
from workbench.runs.engine import map_tasks

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
LARGEST_BYTES = 64 * 2**20
CHUNK = 16
QUALITY = 85


@dataclass(frozen=True)
class Order:
    """Small copies to be made from files.

    Attributes:
        scans: ``(scan id, file, frame)``.
        side: Length of the longer side, pixels.
        jpeg: JPEG files as displayed, else plain values, ``(side, side)`` float32.
        child: Whether it runs in a process of its own.
    """

    scans: tuple[tuple[str, str, int], ...]
    side: int
    jpeg: bool
    child: bool = False


def thumbnails(cohort: Cohort, scan_ids: Iterable[str], side: int, *, workers: int = 1) -> dict[str, bytes]:
    """JPEG files of scans as a display shows them; a scan whose file is gone or damaged is left out.

    Args:
        cohort: The cohort, with its private folder.
        scan_ids: Which scans.
        side: Length of the longer side, pixels.
        workers: Processes for compressed files.
    """
    return {scan: copy for scan, copy in _copies(cohort, scan_ids, side, workers, jpeg=True) if isinstance(copy, bytes)}


def small_values(cohort: Cohort, scan_ids: Iterable[str], side: int, *, workers: int = 0) -> dict[str, NDArray]:
    """Mean values of scans on a square grid, ``(side, side)`` float32; colour by its mean."""
    return {
        scan: copy
        for scan, copy in _copies(cohort, scan_ids, side, workers, jpeg=False)
        if isinstance(copy, np.ndarray)
    }


def make(order: Order) -> list[tuple[str, bytes | NDArray | None]]:
    """Make the copies of an order; None for a file that cannot be read."""
    from workbench.cohort.watching import hush, limit_memory

    if order.child:
        limit_memory()
        hush()
    return [(scan, _copy(file, frame, order)) for scan, file, frame in order.scans]


def jpeg_of(shown: NDArray, side: int) -> bytes:
    """A displayed picture in [0, 1] as JPEG: pixels only."""
    from PIL import Image

    picture = Image.fromarray(np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8))
    picture.thumbnail((side, side), Image.Resampling.BOX)
    content = io.BytesIO()
    picture.convert("L" if shown.ndim == 2 else "RGB").save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def _copy(file: str, frame: int, order: Order) -> bytes | NDArray | None:
    from workbench.dicom import as_displayed, read_frame

    try:
        found = read_frame(file, frame)
        if order.jpeg:
            return jpeg_of(as_displayed(found), order.side)
        return _means(found.values if found.values.ndim == 2 else found.values.mean(axis=2), order.side)
    except Exception:  # codecs raise many kinds; a picture that cannot be shown is not shown
        return None


def _means(values: NDArray, side: int) -> NDArray:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _copies(
    cohort: Cohort, scan_ids: Iterable[str], side: int, workers: int, *, jpeg: bool
) -> Iterator[tuple[str, bytes | NDArray | None]]:
    import pyarrow.parquet as pq

    wanted = list(dict.fromkeys(scan_ids))
    if not wanted or not (cohort.private / "paths.parquet").is_file():
        return
    rows = pq.read_table(
        cohort.folder / "manifest.parquet",
        columns=["scan_id", "path_key", "frame", "transfer_syntax"],
        filters=[("scan_id", "in", wanted)],
    ).to_pylist()
    here, elsewhere = [], []
    for row in rows:
        try:
            path = cohort.path_of(row["path_key"])
        except WorkbenchError:
            continue
        plain = row["transfer_syntax"] in NATIVE and path.stat().st_size <= LARGEST_BYTES
        (here if plain else elsewhere).append((row["scan_id"], str(path), int(row["frame"] or 0)))
    if jpeg or len(here) < 200:
        yield from make(Order(tuple(here), side, jpeg))
    else:
        elsewhere += here
    source = iter(elsewhere)
    orders = [Order(chunk, side, jpeg, child=True) for chunk in iter(lambda: tuple(islice(source, CHUNK)), ())]
    for result in map_tasks(make, orders, workers=workers) if orders else ():
        yield from result.value or ()


def data_uri(jpeg: bytes) -> str:
    """A JPEG file as an address that holds it whole."""
    import base64

    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def cached(cohort: Cohort, scan_ids: Iterable[str], side: int) -> dict[str, bytes]:
    """``thumbnails``, kept in the cohort's private folder between two reports."""
    folder = cohort.private / "thumbnails"
    wanted = list(dict.fromkeys(scan_ids))
    known = {scan: folder / f"{scan}-{side}.jpg" for scan in wanted}
    there = {scan: file.read_bytes() for scan, file in known.items() if file.is_file()}
    made = thumbnails(cohort, [scan for scan in wanted if scan not in there], side)
    if made:
        folder.mkdir(mode=0o700, exist_ok=True)
    for scan, content in made.items():
        known[scan].write_bytes(content)
    _forget_others(folder, set(known.values()))
    return there | made


def _forget_others(folder: Path, wanted: set[Path]) -> None:
    if folder.is_dir():
        for file in folder.glob("*.jpg"):
            if file not in wanted:
                file.unlink()
