"""One shard: scans decoded, fitted and written by one worker, in one file of one number type.

A shard counts from the moment its record is there. The pixels are written to a temporary name, flushed and renamed,
then the record in the same way, so a process killed at any moment leaves whole shards and, at worst, files without a
record, which the next build removes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.store.fitting import FittedScan, fit
from workbench.store.settings import StoreSettings

FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class ScanFile:
    """Where a scan lies.

    Attributes:
        scan_id: Its key.
        path: Its file.
        frame: Frame in the file, from 0.
        pixel_hash: What its pixels must hash to, or '' when the file is known to be unchanged.
    """

    scan_id: str
    path: str
    frame: int
    pixel_hash: str = ""


@dataclass(frozen=True)
class ShardTask:
    """What one worker does.

    Attributes:
        folder: The store's folder.
        name: The shard's name, without ending.
        settings: How scans are fitted.
        scans: Its scans, in order.
        probe: Decode only and write nothing: to find the scan that kills the process.
    """

    folder: Path
    name: str
    settings: StoreSettings
    scans: tuple[ScanFile, ...]
    probe: bool = False


@dataclass(frozen=True)
class ShardReport:
    """What became of a task.

    Attributes:
        name: The shard's name.
        scans: Scans written.
        bytes: Of the pixel file.
        refused: ``(scan_id, code, detail)`` of scans that could not be decoded.
        missing_bytes: Bytes that the disk lacked, 0 where it did not.
        free_bytes: Bytes that were free then.
    """

    name: str
    scans: int = 0
    bytes: int = 0
    refused: tuple[tuple[str, str, str], ...] = ()
    missing_bytes: int = 0
    free_bytes: int = 0


class _Changed(Exception):
    """The file is not the one that was indexed."""


@dataclass
class _Gathered:
    pixels: list[NDArray[Any]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def write_shard(task: ShardTask) -> ShardReport:
    """Decode a task's scans and write them as one shard; a scan that cannot be decoded is told with its reason."""
    _hush()
    done = _Gathered()
    for scan, fitted in _decoded(task, done):
        done.rows.append(_row(scan.scan_id, len(done.rows), fitted))
        done.pixels.append(fitted.pixels)
    if task.probe:
        return ShardReport(task.name, len(done.rows), 0, tuple(done.refused))
    kind = np.result_type(*{pixels.dtype for pixels in done.pixels}) if done.pixels else np.dtype(np.uint8)
    kind = np.dtype(np.float32) if kind == np.float64 else kind
    shards = task.folder / "shards"
    shape = (len(done.pixels), task.settings.channels, task.settings.size, task.settings.size)
    try:
        digest = _write_pixels(shards / f"{task.name}.npy", done.pixels, shape, kind)
        record = {
            "shard": task.name,
            "dtype": kind.name,
            "count": shape[0],
            "sha256": digest,
            "scans": done.rows,
            "refused": done.refused,
        }
        _write_whole(task.folder / "journal" / f"{task.name}.json", json.dumps(record).encode())
    except OSError as error:
        if error.errno not in FULL:
            raise
        wanted = int(np.prod(shape)) * kind.itemsize
        return ShardReport(task.name, missing_bytes=wanted, free_bytes=shutil.disk_usage(shards).free)
    return ShardReport(task.name, len(done.rows), int(np.prod(shape)) * kind.itemsize, tuple(done.refused))


def _decoded(task: ShardTask, done: _Gathered) -> Iterator[tuple[ScanFile, FittedScan]]:
    from workbench.dicom import open_image

    parent = multiprocessing.parent_process()
    path, image = "", None
    for scan in task.scans:
        if parent is not None and not parent.is_alive():
            raise SystemExit(1)  # nobody waits for the result any more
        try:
            if image is None or path != scan.path:  # the frames of one file come one after another
                path, image = scan.path, None
                image = open_image(Path(path))
            fitted = _decode(scan, image, task.settings)
        except Exception as error:
            done.refused.append((scan.scan_id, *_reason(error)))
        else:
            yield scan, fitted


def _decode(scan: ScanFile, image: Any, settings: StoreSettings) -> FittedScan:
    from workbench.cohort.pixel_hashes import pixel_hash

    frame = image.frame(scan.frame)
    if scan.pixel_hash and pixel_hash(np.asarray(frame.values, dtype=np.float32)) != scan.pixel_hash:
        raise _Changed
    return fit(frame, settings)


def _reason(error: Exception) -> tuple[str, str]:
    """Code and detail; of unforeseen errors the kind alone, for their text may quote the file."""
    if isinstance(error, _Changed):
        return "changed", "the pixels differ from those that were indexed; run 'workbench index' again"
    code = getattr(error, "code", None)
    if code is not None and hasattr(error, "detail"):
        return str(getattr(code, "value", code)), str(getattr(error, "detail", "") or "")
    if isinstance(error, MemoryError):
        return "too_big", "needs more memory than there is"
    if isinstance(error, OSError):
        return "unreadable", error.strerror or type(error).__name__
    return "crashed", type(error).__name__


def _row(scan_id: str, slot: int, scan: FittedScan) -> tuple[Any, ...]:
    """The values of ``index_table.OF_SCAN``."""
    row_mm, column_mm = scan.spacing_mm if scan.spacing_mm else (None, None)
    box = (scan.top, scan.left, scan.height, scan.width)
    kind = scan.pixels.dtype.name
    return (scan_id, slot, *box, row_mm, column_mm, kind, scan.bits_stored, scan.low, scan.high, scan.modality)


def _write_pixels(file: Path, pixels: list[NDArray[Any]], shape: tuple[int, ...], kind: np.dtype[Any]) -> str:
    """Write a .npy file scan by scan; returns the SHA-256 of its pixels."""
    state = hashlib.sha256()
    temporary = file.with_suffix(".tmp")
    try:
        with temporary.open("wb") as stream:
            header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for scan in pixels:
                content = np.ascontiguousarray(scan, dtype=kind).data
                state.update(content)
                stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return state.hexdigest()


def _write_whole(file: Path, content: bytes) -> None:
    temporary = file.with_suffix(".tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _hush() -> None:
    """Close standard error of a child: warnings of parsers and codecs quote the values that they stumble on."""
    import logging
    import warnings

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    if multiprocessing.parent_process() is not None:
        warnings.simplefilter("ignore")
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        os.close(sink)
