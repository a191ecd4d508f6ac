"""Building a store: decode what is not in it yet, on all cores, and survive being killed at any moment."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import OperationFailed, WorkbenchError
from workbench.runs.engine import map_tasks
from workbench.runs.progress import Progress
from workbench.runs.status import write_json
from workbench.runs.workspace import Workspace
from workbench.store.index_table import read_columns, read_facts, write_index
from workbench.store.journal import Journal
from workbench.store.settings import StoreSettings
from workbench.store.shard import ScanFile, ShardReport, ShardTask, write_shard
from workbench.store.store import INDEX, Store

if TYPE_CHECKING:
    from workbench.cohort import Cohort

SHARD_BYTES = 32 * 2**20
SHARD_SCANS = (16, 256)
SPARE_BYTES = 64 * 2**20


def build_store(
    cohort: Cohort,
    size: int | None = None,
    *,
    workspace: Workspace,
    settings: StoreSettings | None = None,
    workers: int = 0,
    engine: str = "local",
    retry: bool = False,
    progress: Progress | None = None,
) -> Store:
    """The store of a cohort, made or brought up to date; at once where nothing is missing.

    Every usable scan of the cohort is decoded, or refused with a reason (``store.refused``). What is in the store
    stays where it is; new scans come behind.

    Args:
        cohort: Whose scans.
        size: Side of the square, pixels. Where the cohort was prepared at that size with settings of the user's own,
            the store prepared last is taken.
        workspace: The store lies in its ``stores`` folder.
        settings: All settings, in place of ``size``.
        workers: Processes; 0 for one per core.
        engine: ``local`` or ``ray``.
        retry: Try scans again that were refused before.
        progress: Is told how far the build is.

    Raises:
        OperationFailed: The disk is full; what is done is kept. Or not a single scan could be decoded.
    """
    progress = progress or Progress(quiet=True)
    if settings is None:
        chosen = StoreSettings() if size is None else StoreSettings(size=size)
        settings = prepared_settings(cohort.name, chosen.size, workspace) or chosen
    folder = store_folder(cohort.name, settings, workspace)
    try:
        for name in ("shards", "journal"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with _locked(folder, progress):
            _Build(cohort, folder, settings, progress).run(engine=engine, workers=workers, retry=retry)
    except OSError as error:
        raise OperationFailed(
            f"The store cannot be written: {error.strerror or error}.",
            where=folder,
            todo="Check the disk and its permissions, then run the same command again; what is done is kept.",
        ) from error
    return Store.open(folder)


def store_folder(cohort_name: str, settings: StoreSettings, workspace: Workspace) -> Path:
    """Where the store of a cohort lies, existing or not."""
    return workspace.stores_dir / f"{cohort_name}-{settings.store_digest()}"


def scan_bytes(settings: StoreSettings) -> int:
    """Bytes that a scan of 16 bits takes."""
    return 2 * settings.channels * settings.size**2


def shard_scans(settings: StoreSettings) -> int:
    """Scans of a full shard: 32 MiB of them, but no fewer than 16 and no more than 256."""
    least, most = SHARD_SCANS
    return min(most, max(least, SHARD_BYTES // scan_bytes(settings)))


def prepared_settings(cohort_name: str, size: int, workspace: Workspace) -> StoreSettings | None:
    """Settings of the store of a cohort and size that was prepared last, or None where there is none."""
    found = []
    for file in workspace.stores_dir.glob(f"{cohort_name}-????????/store.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            facts = json.loads(file.read_text(encoding="utf-8"))
            settings = StoreSettings.model_validate(facts["settings"])
            if facts["cohort"] == cohort_name and settings.size == size:
                found.append((float(facts.get("prepared_unix", 0)), file.parent.name, settings))
    return max(found, key=lambda item: item[:2])[2] if found else None


@contextlib.contextmanager
def _locked(folder: Path, progress: Progress) -> Iterator[None]:
    """One build at a time; the second waits and then finds the work done."""
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.log("Another process prepares this store; waiting for it.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@dataclass
class _Build:
    """One build under the lock."""

    cohort: Cohort
    folder: Path
    settings: StoreSettings
    progress: Progress
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    usable: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder, self.settings)

    @property
    def index(self) -> Path:
        return self.folder / INDEX

    @property
    def scan_bytes(self) -> int:
        return scan_bytes(self.settings)

    def run(self, *, engine: str, workers: int, retry: bool) -> None:
        if not (self.folder / "store.json").exists():
            self._describe({"digest": "", "scans": 0, "shards": {}}, prepared=False)
        elif not retry:
            before = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))["refused"]
            self.refused.update({item["scan_id"]: (item["code"], item["detail"]) for item in before})
        self.usable = set(self.cohort.manifest.loc[self.cohort.usable(), "scan_id"])
        self._take_stock()
        wanted, out_of_reach = self._wanted()
        self.refused.update(out_of_reach)
        total, done = len(self.known) + len(wanted), len(self.known)
        self._check_space(len(wanted))
        if wanted:
            self.progress.progress(done, total, "scans")
        for report in self._reports(wanted, engine, workers):
            if report.missing_bytes:
                raise self._disk_full(len(wanted) * self.scan_bytes, report.free_bytes)
            self.journal.names.append(report.name)
            self.refused.update({scan_id: (code, detail) for scan_id, code, detail in report.refused})
            done += report.scans + len(report.refused)
            self.progress.progress(done, total, "scans")
            if self.progress.stop_requested():
                raise OperationFailed("Stopped.", where=self.folder, todo="Run 'workbench prepare' again to go on.")
        if wanted:
            self.progress.progress(total, total, "scans")
        self._finish()

    def _take_stock(self) -> None:
        """Learn what is there, take over whole shards of a build that was killed, remove what belongs to nothing."""
        if self.index.exists():
            self.shards = read_facts(self.index)["shards"]
            self.lost = {name for name, shard in self.shards.items() if not self.journal.is_whole(name, shard)}
            self.known = set(self._indexed())
            if self.lost:
                self.progress.log(f"{len(self.lost)} damaged shards of the store are decoded again.")
        for record in self.journal.take_over(self.shards):
            self.known |= self.usable.intersection(scan[0] for scan in record["scans"])
            self.refused.update({scan_id: (code, detail) for scan_id, code, detail in record["refused"]})
        self.journal.remove_strays(self.shards.keys() - self.lost)

    def _wanted(self) -> tuple[list[ScanFile], dict[str, tuple[str, str]]]:
        """Scans still to be decoded, in the manifest's order, and those whose files are out of reach."""
        columns = ["scan_id", "path_key", "frame", "pixel_hash"]
        table = self.cohort.manifest.loc[self.cohort.usable(), columns]
        unchanged = _unchanged_files(self.cohort)
        wanted: list[ScanFile] = []
        lost: dict[str, tuple[str, str]] = {}
        for scan_id, path_key, frame, pixel_hash in table.itertuples(index=False, name=None):
            if scan_id in self.known or scan_id in self.refused:
                continue
            try:
                path = self.cohort.path_of(path_key)
            except WorkbenchError as error:
                lost[scan_id] = ("absent", error.what)
                continue
            expected = "" if path_key in unchanged or not isinstance(pixel_hash, str) else pixel_hash
            wanted.append(ScanFile(scan_id, os.fspath(path), int(frame), expected))
        return wanted, lost

    def _check_space(self, scans: int) -> None:
        free = shutil.disk_usage(self.folder).free
        needed = scans * self.scan_bytes
        if scans and needed + min(needed, SPARE_BYTES) > free:
            raise self._disk_full(needed, free)

    def _disk_full(self, needed: int, free: int) -> OperationFailed:
        return OperationFailed(
            f"The disk is too full for the store: {in_units(needed)} are needed, {in_units(free)} are free.",
            where=self.folder,
            todo="Free some space, or prepare a smaller size; then run the same command again. What is done is kept.",
        )

    def _reports(self, wanted: list[ScanFile], engine: str, workers: int) -> Iterator[ShardReport]:
        """Run the tasks; a task whose process dies is tried again without the scan that kills it."""
        session = hashlib.sha256(f"{os.getpid()} {time.time_ns()}".encode()).hexdigest()[:6]
        taken = {int(name.partition("-")[0]) for name in [*self.shards, *self.journal.names]}
        least = 1 + max((int(name.partition("-")[0]) for name in self.shards), default=-1)
        numbers = (number for number in range(least, least + len(taken) + len(wanted) + 1) if number not in taken)
        step = shard_scans(self.settings)
        tasks = [
            self._task(f"{next(numbers):06d}-{session}", wanted[start : start + step])
            for start in range(0, len(wanted), step)
        ]
        failed = []
        for result in map_tasks(write_shard, tasks, engine=engine, workers=workers):
            if result.value is None:
                failed.append(tasks[result.index])
            else:
                yield result.value
        for task in sorted(failed, key=lambda task: task.name):
            yield self._without_killers(task, engine, workers)

    def _task(self, name: str, scans: list[ScanFile], *, probe: bool = False) -> ShardTask:
        return ShardTask(self.folder, name, self.settings, tuple(scans), probe)

    def _without_killers(self, task: ShardTask, engine: str, workers: int) -> ShardReport:
        probes = [self._task(task.name, [scan], probe=True) for scan in task.scans]
        killers: dict[str, str] = {}
        for result in map_tasks(write_shard, probes, engine=engine, workers=workers):
            if result.value is None:
                killers[task.scans[result.index].scan_id] = "the process that read it died"
        self.refused.update({scan_id: ("crashed", detail) for scan_id, detail in killers.items()})
        rest = [scan for scan in task.scans if scan.scan_id not in killers]
        for result in map_tasks(write_shard, [self._task(task.name, rest)], engine=engine, workers=1):
            if result.value is not None:
                return result.value
            raise OperationFailed(
                f"A part of the store could not be made: {result.error}",
                where=self.folder,
                todo="Check memory and disk, then run the same command again; what is done is kept.",
            )
        raise AssertionError("one task gives one result")

    def _finish(self) -> None:
        """Bring the new shards into the index, then forget the journal."""
        contents = self._indexed()
        before = set(contents)
        shards = {name: shard for name, shard in self.shards.items() if name not in self.lost}
        for name, record, rows in self.journal.new_scans(self.usable, set(before)):
            contents.update({scan[0]: scan[-1] for scan in rows})
            shards[name] = {"dtype": record["dtype"], "count": record["count"]}
        if not contents:
            raise self._nothing()
        state = hashlib.sha256(json.dumps(self.settings.plain()).encode())
        for scan in sorted(contents):
            state.update(f"{scan} {contents[scan]}\n".encode())
        facts = {"digest": state.hexdigest()[:16], "scans": len(contents), "shards": shards}
        if shards != self.shards or not self.index.exists():
            new = self.journal.new_scans(self.usable, before)
            records = ({"shard": name, "scans": rows} for name, _, rows in new)
            old = self.index if self.index.exists() else None
            write_index(self.index, before=old, records=records, facts=facts, drop=self.lost)
        self._describe(facts, prepared=True)
        self.journal.forget(set(shards))

    def _indexed(self) -> dict[str, str]:
        """Scans in the index, less those whose shards are lost, and the hashes of their content."""
        if not self.index.exists():
            return {}
        rows = read_columns(self.index, ["scan_id", "shard", "content"])
        scans = zip(rows["scan_id"], rows["shard"], rows["content"], strict=True)
        return {scan: content for scan, shard, content in scans if shard not in self.lost}

    def _nothing(self) -> OperationFailed:
        self.journal.forget(set())  # nothing but refusals: they are tried again next time
        codes = sorted({f"{code} ({detail})" if detail else code for code, detail in self.refused.values()})
        reasons = f"Reasons: {'; '.join(codes[:5])}." if codes else "The cohort has no usable scan."
        return OperationFailed(
            f"Not one scan of the cohort '{self.cohort.name}' could be decoded. {reasons}",
            where=self.folder,
            todo="See that the files are where they were indexed, and run 'workbench doctor'.",
        )

    def _describe(self, facts: dict[str, Any], *, prepared: bool) -> None:
        content = {
            "cohort": self.cohort.name,
            "cohort_version": self.cohort.version,
            "settings": self.settings.plain(),
            "digest": facts["digest"],
            "scans": facts["scans"],
            "shards": len(facts["shards"]),
            "complete": prepared,
            "prepared_unix": round(time.time(), 3) if prepared else 0,
            "refused": [
                {"scan_id": scan_id, "code": code, "detail": detail}
                for scan_id, (code, detail) in sorted(self.refused.items())
            ],
        }
        write_json(self.folder / "store.json", content)


def _unchanged_files(cohort: Cohort) -> set[str]:
    """Path keys of files whose size and time are as they were indexed; the others' pixels are hashed again."""
    try:
        table = cohort.private_table("paths")
    except WorkbenchError:
        return set()
    same = set()
    for key, path, size, changed in table[["path_key", "path", "size", "mtime_ns"]].itertuples(index=False, name=None):
        if changed:
            with contextlib.suppress(OSError):
                state = os.stat(path)  # noqa: PTH116 (a path of raw bytes)
                if (state.st_size, state.st_mtime_ns) == (size, changed):
                    same.add(key)
    return same


def in_units(number: int) -> str:
    """Bytes in the unit that people read: ``1.2 GB``."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""
