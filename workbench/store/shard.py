"""One shard: scans decoded, fitted and written by one worker, in one file of one number type.

A shard counts from the moment its record is there. The pixels are written to a temporary name, flushed and renamed,
then the record in the same way, so a process killed at any moment leaves whole shards and, at worst, files without a
record, which the next build removes.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from workbench.store.fitting import FittedScan, Fitting, fit
from workbench.store.reasons import Changed, reason
from workbench.store.whole_file import whole_file

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
    settings: Fitting
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


class ShardWriter:
    """Gathers fitted scans and writes them as one shard.

    Args:
        folder: The store's folder.
        name: The shard's name, without ending.
        settings: How scans are fitted.
    """

    def __init__(self, folder: Path, name: str, settings: Fitting) -> None:
        self.folder, self.name, self.settings = folder, name, settings
        self.refused: list[tuple[str, str, str]] = []
        self._scans: list[tuple[tuple[Any, ...], NDArray[Any]]] = []

    def __len__(self) -> int:
        return len(self._scans)

    @property
    def kind(self) -> np.dtype[Any]:
        """The narrowest number type that holds all scans."""
        kind = np.result_type(*{pixels.dtype for _, pixels in self._scans}) if self._scans else np.dtype(np.uint8)
        return np.dtype(np.float32) if kind == np.float64 else kind

    @property
    def bytes(self) -> int:
        """Of the pixels in the file."""
        return len(self) * self.settings.channels * self.settings.size**2 * self.kind.itemsize

    def add(self, scan_id: str, frame: Any) -> None:
        """Fit one frame (a :class:`workbench.dicom.Frame`) and keep it for the shard."""
        scan = fit(frame, self.settings)
        self._scans.append((_row(scan_id, len(self), scan), scan.pixels))

    def write(self) -> None:
        """Write pixels, then record; one of the same name, left by a process that died, is no longer valid then.

        Raises:
            OSError: They cannot be written; nothing is left behind.
        """
        kind = self.kind
        shape = (len(self), self.settings.channels, self.settings.size, self.settings.size)
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
        record_file = self.folder / "journal" / f"{self.name}.json"
        record_file.unlink(missing_ok=True)
        with whole_file(self.folder / "shards" / f"{self.name}.npy") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            for _, pixels in self._scans:
                stream.write(np.ascontiguousarray(pixels, dtype=kind).data)
        rows = [row for row, _ in self._scans]
        record = {"dtype": kind.name, "count": len(self), "scans": rows, "refused": self.refused}
        with whole_file(record_file) as stream:
            stream.write(json.dumps(record).encode())


def write_shard(task: ShardTask) -> ShardReport:
    """Decode a task's scans and write them as one shard; a scan that cannot be decoded is told with its reason."""
    _hush()
    shard = ShardWriter(task.folder, task.name, task.settings)
    _decode_all(task, shard)
    if not task.probe:
        try:
            shard.write()
        except OSError as error:
            if error.errno not in FULL:
                raise
            free = shutil.disk_usage(task.folder).free
            return ShardReport(task.name, missing_bytes=shard.bytes, free_bytes=free)
    return ShardReport(task.name, len(shard), shard.bytes, tuple(shard.refused))


def _decode_all(task: ShardTask, shard: ShardWriter) -> None:
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
            shard.add(scan.scan_id, _checked(scan, image.frame(scan.frame)))
        except Exception as error:
            shard.refused.append((scan.scan_id, *reason(error)))


def _checked(scan: ScanFile, frame: Any) -> Any:
    from workbench.cohort.pixel_hashes import pixel_hash

    if scan.pixel_hash and pixel_hash(np.asarray(frame.values, dtype=np.float32)) != scan.pixel_hash:
        raise Changed
    return frame


def _row(scan_id: str, slot: int, scan: FittedScan) -> tuple[Any, ...]:
    """The values of ``index_table.OF_SCAN``."""
    row_mm, column_mm = scan.spacing_mm if scan.spacing_mm else (None, None)
    box = (scan.top, scan.left, scan.height, scan.width)
    facts = (*box, row_mm, column_mm, scan.pixels.dtype.name, scan.bits_stored, scan.low, scan.high, scan.modality)
    state = blake3(json.dumps(facts).encode())
    state.update(np.ascontiguousarray(scan.pixels).reshape(-1).view(np.uint8).data)
    return (scan_id, slot, *facts, state.hexdigest(length=16))


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
