"""Building a store of volumes: what is there stays, what is missing is decoded on all cores, a killed build goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cohort.volumes.access import files_of_all
from workbench.errors import OperationFailed, WorkbenchError
from workbench.runs.engine import map_tasks
from workbench.runs.progress import Progress
from workbench.runs.status import write_json
from workbench.runs.workspace import Workspace
from workbench.store.locking import locked
from workbench.store.volumes.index_table import INDEX, read_rows, write_rows
from workbench.store.volumes.settings import VolumeSettings
from workbench.store.volumes.store import VolumeStore
from workbench.store.volumes.writing import VolumeTask, free_bytes, write_volume

if TYPE_CHECKING:
    from workbench.cohort import Cohort

AGAIN = "Check the disk and its permissions, then run the same command again; what is done is kept."
Refusals = dict[str, tuple[str, str]]


def build_volumes(
    cohort: Cohort,
    settings: VolumeSettings | None = None,
    *,
    workspace: Workspace,
    workers: int = 0,
    engine: str = "local",
    retry: bool = False,
    progress: Progress | None = None,
) -> VolumeStore:
    """The store of a cohort's volumes, made or brought up to date; at once where nothing is missing.

    Every usable volume is written, or refused with a reason (``store.refused``). New volumes come behind.

    Args:
        cohort: Whose volumes.
        settings: Spacing, orientation, and what becomes of tilted and uneven stacks.
        workspace: The store lies in its ``stores`` folder.
        workers: Processes; 0 for one per core.
        engine: ``local`` or ``ray``.
        retry: Try volumes again that were refused before.
        progress: Is told how far the build is.

    Raises:
        InputError: The cohort has no volume, or its private folder is not at hand.
        OperationFailed: The disk is full; what is done is kept. Or not a single volume could be decoded.
    """
    settings, progress = settings or VolumeSettings(), progress or Progress(quiet=True)
    folder = volume_folder(cohort.name, settings, workspace)
    try:
        for name in ("volumes", "journal"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with locked(folder, progress):
            _Build(cohort, folder, settings, progress).run(engine=engine, workers=workers, retry=retry)
    except OSError as error:
        raise OperationFailed(
            f"The store cannot be written: {error.strerror or error}.", where=folder, todo=AGAIN
        ) from error
    return VolumeStore.open(folder)


def volume_folder(cohort_name: str, settings: VolumeSettings, workspace: Workspace) -> Path:
    """Where the store of a cohort's volumes lies, existing or not."""
    return workspace.stores_dir / f"{cohort_name}-volumes-{settings.store_digest()}"


class _Build:
    """One build under the lock."""

    def __init__(self, cohort: Cohort, folder: Path, settings: VolumeSettings, progress: Progress) -> None:
        self.cohort, self.folder, self.settings, self.progress = cohort, folder, settings, progress

    def run(self, *, engine: str, workers: int, retry: bool) -> None:
        """Write what is missing, then bring it into the index."""
        scans = self.cohort.with_volumes(
            tilted=self.settings.tilted == "straighten", uneven=self.settings.uneven == "resample"
        )
        usable = scans.usable()
        wanted = scans.manifest.loc[usable, "scan_id"].tolist()
        rows = [row for row in self._rows_so_far() if self._is_whole(row)]
        done = {row["scan_id"] for row in rows}
        refused: Refusals = {} if retry else self._refused_before()
        missing = [scan for scan in wanted if scan not in done and scan not in refused]
        if missing:
            refused |= self._write(missing, engine=engine, workers=workers)
            rows += [row for row in self._journal() if row["scan_id"] not in done]
        if not rows:
            raise self._nothing(refused, len(wanted))
        self._finish(rows, refused, left_out=int((~usable).sum()))

    def _rows_so_far(self) -> list[dict[str, Any]]:
        """The rows of the index, then those of volumes that a killed build left whole."""
        rows = read_rows(self.folder / INDEX) if (self.folder / INDEX).exists() else []
        known = {row["scan_id"] for row in rows}
        return rows + [row for row in self._journal() if row["scan_id"] not in known]

    def _journal(self) -> Iterator[dict[str, Any]]:
        for file in sorted((self.folder / "journal").glob("*.json")):
            try:
                yield json.loads(file.read_bytes())
            except ValueError:
                file.unlink()

    def _is_whole(self, row: dict[str, Any]) -> bool:
        import numpy as np

        file = self.folder / "volumes" / f"{row['scan_id']}.npy"
        bytes_ = row["slices"] * row["rows"] * row["columns"] * np.dtype(row["dtype"]).itemsize
        return file.exists() and file.stat().st_size >= bytes_

    def _refused_before(self) -> Refusals:
        try:
            told = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))["refused"]
        except (OSError, ValueError, KeyError):
            return {}
        return {item["scan_id"]: (item["code"], item["detail"]) for item in told}

    def _write(self, missing: list[str], *, engine: str, workers: int) -> Refusals:
        """Write volumes; returns those that could not be, with the reason."""
        refused: Refusals = {}
        sent: dict[int, str] = {}

        def tasks() -> Iterator[VolumeTask]:
            for scan_id, files in files_of_all(self.cohort, missing):
                if isinstance(files, WorkbenchError):
                    refused[scan_id] = ("absent", files.what)
                    continue
                sent[len(sent)] = scan_id
                yield VolumeTask(self.folder, files, self.settings)

        results = map_tasks(write_volume, tasks(), engine=engine, workers=workers)
        for done, result in enumerate(results, start=1):
            report = result.value
            if report is None:
                refused[sent[result.index]] = ("crashed", "the process that read it died")
            elif report.full:
                raise self._disk_full(report.bytes)
            elif report.code:
                refused[report.scan_id] = (report.code, report.detail)
            self.progress.progress(done + len(refused.keys() - set(sent.values())), len(missing), "volumes")
            if self.progress.stop_requested():
                raise OperationFailed("Stopped.", where=self.folder, todo="Run 'workbench prepare' again to go on.")
        return refused

    def _disk_full(self, needed: int) -> OperationFailed:
        free = free_bytes(self.folder)
        return OperationFailed(
            f"The disk is too full: a volume needs {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free.",
            where=self.folder,
            todo="Free some space, or prepare a larger spacing; then run the same command again. What is done is kept.",
        )

    def _nothing(self, refused: Refusals, wanted: int) -> OperationFailed:
        codes = sorted({f"{code} ({detail})" if detail else code for code, detail in refused.values()})
        why = f"Reasons: {'; '.join(codes[:5])}." if codes else ""
        said = "could be decoded" if wanted else "is usable: see stacks.parquet for what its series are"
        return OperationFailed(
            f"Not one volume of the cohort '{self.cohort.name}' {said}. {why}".strip(),
            where=self.folder,
            todo="See that files are where they were indexed; tilted=straighten and uneven=resample take more stacks.",
        )

    def _finish(self, rows: list[dict[str, Any]], refused: Refusals, *, left_out: int) -> None:
        digest = _digest(self.settings, rows)
        write_rows(self.folder / INDEX, rows, digest=digest)
        write_json(
            self.folder / "store.json",
            {
                "cohort": self.cohort.name,
                "cohort_version": self.cohort.version,
                "kind": "volumes",
                "settings": self.settings.plain(),
                "digest": digest,
                "volumes": len(rows),
                "left_out": left_out,
                "prepared_unix": round(time.time(), 3),
                "refused": [
                    {"scan_id": scan_id, "code": code, "detail": detail}
                    for scan_id, (code, detail) in sorted(refused.items())
                ],
            },
        )
        kept = {row["scan_id"] for row in rows}
        for file in [*(self.folder / "journal").iterdir(), *(self.folder / "volumes").iterdir()]:
            if file.parent.name == "journal" or file.stem not in kept or file.suffix != ".npy":
                file.unlink(missing_ok=True)


def _digest(settings: VolumeSettings, rows: Iterable[dict[str, Any]]) -> str:
    """16 hexadecimal digits over settings and content, whatever the order."""
    state = hashlib.sha256(json.dumps(settings.plain()).encode())
    for line in sorted(f"{row['scan_id']} {row['content']}\n" for row in rows):
        state.update(line.encode())
    return state.hexdigest()[:16]
