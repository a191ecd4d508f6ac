"""Where instances land: written under a temporary name beside, checked, flushed, then renamed.

A file under its final name is always whole, whenever the program or the power is cut. Folders and files are named by
what the caller makes of the UIDs (keyed hashes), never by a name or number of a patient; only their owner can open
them.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dicom.outcomes import FileRefused
from workbench.dicom.parsing import load, parse
from workbench.errors import OperationFailed

if TYPE_CHECKING:
    from workbench.sources.pacs.archive import FoundSeries

MAX_BYTES = 4 * 2**30
SUFFIX = ".dcm"


class Stopped(Exception):
    """Somebody asked to stop."""


class Unusable(Exception):
    """What arrived is no instance of the series that was asked for; the text says why."""


@dataclass
class Tally:
    """What has arrived so far, over all threads.

    Attributes:
        instances: New files.
        bytes: Received, those of repeated instances among them.
    """

    instances: int = 0
    bytes: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def add(self, *, instances: int = 0, received: int = 0) -> None:
        """Count."""
        with self._lock:
            self.instances += instances
            self.bytes += received


class Pace:
    """Holds the flow of bytes below a rate, over all threads.

    Args:
        megabytes_per_s: 10^6 bytes per second; 0 for no limit.
    """

    def __init__(self, megabytes_per_s: float = 0.0) -> None:
        self._rate = megabytes_per_s * 1e6
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def hold(self, received: int, stop: threading.Event) -> None:
        """Wait until ``received`` further bytes fit."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + received / self._rate
            wait = self._free_at - now
        stop.wait(wait)


class Landing:
    """A folder that instances arrive in.

    Args:
        folder: Where whole files lie: ``folder/STUDY/SERIES/INSTANCE.dcm``.
        scratch: Where files lie while they arrive; on the same file system. Emptied at the start.
        name_of: Makes a file name of ``"study"``, ``"series"`` or ``"instance"`` and a UID.
        pace: Holds the rate down.
        stop: Set to make arrivals raise ``Stopped``.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        name_of: Callable[[str, str], str],
        *,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.folder, self.scratch, self.name_of = folder, scratch, name_of
        self.tally = Tally()
        self.pace = pace or Pace()
        self.stop = stop or threading.Event()
        self.max_bytes = max_bytes
        self._numbers = itertools.count()
        for made in (folder, scratch):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
            made.chmod(0o700)
        for leftover in scratch.glob("*.part"):
            leftover.unlink(missing_ok=True)

    def folder_of(self, series: FoundSeries) -> Path:
        """The folder of a series."""
        return self.folder / self.name_of("study", series.study_uid) / self.name_of("series", series.uid)

    def path_of(self, series: FoundSeries, sop_uid: str) -> Path:
        """The file of an instance, there or not."""
        return self.folder_of(series) / (self.name_of("instance", sop_uid) + SUFFIX)

    def count(self, series: FoundSeries) -> int:
        """How many instances of a series are there."""
        try:
            with os.scandir(self.folder_of(series)) as entries:
                return sum(entry.name.endswith(SUFFIX) for entry in entries)
        except FileNotFoundError:
            return 0

    def store(self, series: FoundSeries, blocks: Iterable[bytes | memoryview], *, sop_uid: str = "") -> bool:
        """Write one instance, as it comes.

        Args:
            series: What it must belong to.
            blocks: Its bytes: a DICOM file (PS3.10). If they raise, nothing is left behind.
            sop_uid: The instance that was asked for, where it was a certain one.

        Returns:
            Whether it is new.

        Raises:
            Unusable: It is no DICOM file, too large, or belongs to something else.
            Stopped: Somebody asked to stop.
            OperationFailed: It cannot be written.
        """
        temporary = self.scratch / f"{os.getpid()}-{next(self._numbers)}.part"
        try:
            with self._writing():
                stream = os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
            with stream:
                size = 0
                for block in blocks:
                    size += len(block)
                    if size > self.max_bytes:
                        raise Unusable(f"an instance is larger than {self.max_bytes:,} bytes")
                    with self._writing():
                        stream.write(block)
                    self.tally.add(received=len(block))
                    self.pace.hold(len(block), self.stop)
                    if self.stop.is_set():
                        raise Stopped
                with self._writing():
                    stream.flush()
                    os.fsync(stream.fileno())
            return self._settle(series, temporary, sop_uid)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _settle(self, series: FoundSeries, temporary: Path, asked: str) -> bool:
        study_uid, series_uid, sop_uid = identify(temporary)
        if study_uid and study_uid != series.study_uid:
            raise Unusable("the server sent an instance of another study")
        if series_uid and series_uid != series.uid:
            raise Unusable("the server sent an instance of another series")
        if asked and sop_uid != asked:
            raise Unusable("the server sent another instance than the one asked for")
        final = self.path_of(series, sop_uid)
        if final.exists():
            return False
        with self._writing():
            self._make_folder(final.parent)
            temporary.replace(final)
        self.tally.add(instances=1)
        return True

    def _make_folder(self, folder: Path) -> None:
        for made in (folder.parent, folder):  # the mode given to mkdir does not reach the parents that it makes
            made.mkdir(exist_ok=True, mode=0o700)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise OperationFailed(
                "The disk is full." if full else f"What arrived cannot be written ({error.strerror}).",
                where=self.folder.parent,
                todo="Free some space or choose another folder, and run the same command again: what is here is kept.",
            ) from error


def identify(file: Path) -> tuple[str, str, str]:
    """Study, Series and SOP Instance UID of a file; the first two are empty where only its start can be read.

    Raises:
        Unusable: It is no DICOM file, or has no SOP Instance UID.
    """
    try:
        parsed = parse(load(file))
        study, series, instance = (
            parsed.root.text(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        )
        instance = instance or parsed.meta.text("MediaStorageSOPInstanceUID")
    except FileRefused:
        study, series, instance = "", "", _by_its_start(file)
    if not instance:
        raise Unusable("the server sent something that is no DICOM file")
    return study, series, instance


def _by_its_start(file: Path) -> str:
    """SOP Instance UID of the file meta information, for a file whose data set cannot be read."""
    from pydicom.filereader import read_file_meta_info

    try:
        return str(read_file_meta_info(file).get("MediaStorageSOPInstanceUID", ""))
    except Exception:  # pydicom raises errors of many kinds on what is no DICOM file
        return ""
