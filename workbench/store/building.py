"""Building a store: decode what is not in it yet, on all cores, and survive being killed at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import OperationFailed
from workbench.runs.engine import map_tasks
from workbench.runs.progress import Progress
from workbench.runs.status import write_json
from workbench.runs.workspace import Workspace
from workbench.store.fitting import PlainFitting
from workbench.store.index_table import iterate_columns, lacking, read_facts, write_index
from workbench.store.journal import Journal
from workbench.store.locking import locked
from workbench.store.plan import Plan
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
        retry: Try scans again that were refused before; the store then counts as the one prepared last.
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
        with locked(folder, progress):
            build = _Build(cohort, folder, settings, progress)
            if not build.is_up_to_date(retry=retry):
                build.run(engine=engine, workers=workers, retry=retry)
            elif retry:
                build.stamp()
    except (OSError, sqlite3.Error) as error:
        raise OperationFailed(
            f"The store cannot be written: {getattr(error, 'strerror', None) or error}.",
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


@dataclass
class _Build:
    """One build under the lock."""

    cohort: Cohort
    folder: Path
    settings: StoreSettings
    progress: Progress
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    outdated: bool = False

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder, self.settings)

    @property
    def index(self) -> Path:
        return self.folder / INDEX

    @property
    def scan_bytes(self) -> int:
        return scan_bytes(self.settings)

    def is_up_to_date(self, *, retry: bool) -> bool:
        """Whether the store was finished with the cohort as it is now, and nothing is amiss."""
        try:
            facts = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))
            if any(lacking(self.index)):
                return False
            shards = read_facts(self.index)["shards"]
        except (OSError, ValueError, OperationFailed):
            return False
        return (
            facts.get("complete")
            and facts.get("cohort_version") == self.cohort.version
            and not (retry and facts.get("refused"))
            and next((self.folder / "journal").iterdir(), None) is None
            and all(self.journal.is_whole(name, shard) for name, shard in shards.items())
        )

    def stamp(self) -> None:
        """Make it the store that was prepared last."""
        file = self.folder / "store.json"
        write_json(file, json.loads(file.read_text(encoding="utf-8")) | {"prepared_unix": round(time.time(), 3)})

    def run(self, *, engine: str, workers: int, retry: bool) -> None:
        """Decode what is missing, then bring it into the index."""
        if not (self.folder / "store.json").exists():
            self._describe({"digest": "", "scans": 0, "shards": {}}, left_out=0, prepared=False)
        elif not retry:
            before = json.loads((self.folder / "store.json").read_text(encoding="utf-8")).get("refused", [])
            self.refused.update({item["scan_id"]: (item["code"], item["detail"]) for item in before})
        plan = Plan(self.folder / ".plan.sqlite", self.cohort)
        try:
            self._take_stock(plan)
            self._decode(plan, engine, workers)
            self._finish(plan)
        finally:
            plan.close()

    def _take_stock(self, plan: Plan) -> None:
        """Learn what is there, take over whole shards of a build that was killed, remove what belongs to nothing."""
        if self.index.exists():
            facts, columns = lacking(self.index)
            if columns or "shards" in facts:
                self.progress.log("An earlier version prepared the store; its scans are decoded again.")
                self.index.unlink()
            self.outdated = bool(facts)
        if self.index.exists():
            self.shards = read_facts(self.index)["shards"]
            self.lost = {name for name, shard in self.shards.items() if not self.journal.is_whole(name, shard)}
            if self.lost:
                self.progress.log(f"{len(self.lost)} damaged shards of the store are decoded again.")
            rows = iterate_columns(self.index, ["scan_id", "content", "shard"])
            plan.add_indexed(row for row in rows if row[2] not in self.lost)
        for name, record in self.journal.take_over(self.shards):
            plan.add_shard(name, record["scans"])
            self.refused.update({scan_id: (code, detail) for scan_id, code, detail in record["refused"]})
        self.journal.remove_strays(self.shards.keys() - self.lost)

    def _decode(self, plan: Plan, engine: str, workers: int) -> None:
        missing, done = plan.missing() - len(self.refused), plan.done
        total = done + max(0, missing)
        self._check_space(missing)
        for report in self._reports(plan.scan_files(self.refused), engine, workers):
            if report.missing_bytes:
                raise self._disk_full(missing * self.scan_bytes, report.free_bytes)
            self.journal.names.append(report.name)
            record = self.journal.read(report.name)
            plan.add_shard(report.name, record["scans"] if record else [])
            self.refused.update({scan_id: (code, detail) for scan_id, code, detail in report.refused})
            done += report.scans + len(report.refused)
            self.progress.progress(done, total, "scans")
            if self.progress.stop_requested():
                raise OperationFailed("Stopped.", where=self.folder, todo="Run 'workbench prepare' again to go on.")
        if missing > 0:
            self.progress.progress(total, total, "scans")

    def _check_space(self, scans: int) -> None:
        free = shutil.disk_usage(self.folder).free
        needed = scans * self.scan_bytes
        if scans > 0 and needed + min(needed, SPARE_BYTES) > free:
            raise self._disk_full(needed, free)

    def _disk_full(self, needed: int, free: int) -> OperationFailed:
        return OperationFailed(
            f"The disk is too full for the store: {in_units(needed)} are needed, {in_units(free)} are free.",
            where=self.folder,
            todo="Free some space, or prepare a smaller size; then run the same command again. What is done is kept.",
        )

    def _reports(self, wanted: Iterator[ScanFile], engine: str, workers: int) -> Iterator[ShardReport]:
        """Run the tasks; a task whose process dies is tried again without the scan that kills it."""
        session = hashlib.sha256(f"{os.getpid()} {time.time_ns()}".encode()).hexdigest()[:6]
        taken = {int(name.partition("-")[0]) for name in [*self.shards, *self.journal.names]}
        least = 1 + max((int(name.partition("-")[0]) for name in self.shards), default=-1)
        numbers = (number for number in count(least) if number not in taken)
        under_way: dict[int, ShardTask] = {}

        def tasks() -> Iterator[ShardTask]:
            for place in count():
                scans = list(islice(wanted, shard_scans(self.settings)))
                if not scans:
                    return
                under_way[place] = self._task(f"{next(numbers):06d}-{session}", scans)
                yield under_way[place]

        failed = []
        for result in map_tasks(write_shard, tasks(), engine=engine, workers=workers):
            task = under_way.pop(result.index)
            if result.value is None:
                failed.append(task)
            else:
                yield result.value
        for task in sorted(failed, key=lambda task: task.name):
            yield self._without_killers(task, engine, workers)

    def _task(self, name: str, scans: list[ScanFile], *, probe: bool = False) -> ShardTask:
        return ShardTask(self.folder, name, PlainFitting.of(self.settings), tuple(scans), probe)

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

    def _finish(self, plan: Plan) -> None:
        """Bring the new shards into the index, then forget the journal."""
        if not plan.done:
            raise self._nothing()
        shards = {name: shard for name, shard in self.shards.items() if name not in self.lost}
        for name, record, _ in self._new_rows(plan):
            shards[name] = {"dtype": record["dtype"], "count": record["count"]}
        digest = plan.digest(json.dumps(self.settings.plain()))
        facts = {"digest": digest, "scans": plan.done, "shards": shards}
        if shards != self.shards or self.outdated or not self.index.exists():
            records = ({"shard": name, "scans": rows} for name, _, rows in self._new_rows(plan))
            old = self.index if self.index.exists() else None
            write_index(self.index, before=old, records=records, facts=facts, drop=self.lost)
        self._describe(facts, left_out=plan.left_out, prepared=True)
        self.journal.forget(set(shards))

    def _new_rows(self, plan: Plan) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """Name, record and rows of the new shards that bring something, in order."""
        for name in sorted(self.journal.names):
            record = self.journal.read(name)
            rows = plan.rows_of(name, record["scans"]) if record else []
            if record and rows:
                yield name, record, rows

    def _nothing(self) -> OperationFailed:
        self.journal.forget(set())  # nothing but refusals: they are tried again next time
        codes = sorted({f"{code} ({detail})" if detail else code for code, detail in self.refused.values()})
        reasons = f"Reasons: {'; '.join(codes[:5])}." if codes else "The cohort has no usable scan."
        return OperationFailed(
            f"Not one scan of the cohort '{self.cohort.name}' could be decoded. {reasons}",
            where=self.folder,
            todo="See that the files are where they were indexed, and run 'workbench doctor'.",
        )

    def _describe(self, facts: dict[str, Any], *, left_out: int, prepared: bool) -> None:
        content = {
            "cohort": self.cohort.name,
            "cohort_version": self.cohort.version,
            "settings": self.settings.plain(),
            "digest": facts["digest"],
            "scans": facts["scans"],
            "shards": len(facts["shards"]),
            "left_out": left_out,
            "complete": prepared,
            "prepared_unix": round(time.time(), 3) if prepared else 0,
            "refused": [
                {"scan_id": scan_id, "code": code, "detail": detail}
                for scan_id, (code, detail) in sorted(self.refused.items())
            ],
        }
        write_json(self.folder / "store.json", content)


def in_units(number: int) -> str:
    """Bytes in the unit that people read: ``1.2 GB``."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""
