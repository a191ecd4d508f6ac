"""DICOM files as images for a classifier, without a cohort: fitted as a store would, keys in place of identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.discovery import Skipped, resolve_sources, walk
from workbench.store.settings import StoreSettings


@dataclass(frozen=True)
class FileTask:
    """One file to read: its path, how to fit its pictures, and the site's secret for its keys."""

    path: str
    settings: StoreSettings
    secret: bytes


@dataclass(frozen=True)
class ReadScan:
    """One picture.

    Attributes:
        path: Its file.
        frame: Frame in the file, from 0.
        scan_id, study_key, patient_key: Keyed hashes, the same as in a cohort of this site.
        image: ``(C, H, W)`` float32 in [0, 1].
    """

    path: str
    frame: int
    scan_id: str
    study_key: str
    patient_key: str
    image: NDArray[np.float32]


@dataclass(frozen=True)
class FileRead:
    """What a file gave: its pictures, or the code and words of its refusal."""

    path: str
    scans: tuple[ReadScan, ...] = ()
    code: str = ""
    detail: str = ""


def dicom_files(sources: list[Path]) -> list[str]:
    """Every regular file under the sources, sorted; whether it is DICOM is seen when it is read.

    Raises:
        InputError: A source does not exist.
    """
    skipped = Skipped()
    return sorted(found.path for root in resolve_sources(sources) for found in walk(root, skipped))


def read_file(task: FileTask) -> FileRead:
    """Decode and fit all frames of one file; a refusal is told, not raised."""
    from workbench.cohort.keys import site_key
    from workbench.cohort.reading import PendingFile, facts_of
    from workbench.dicom import FileRefused, open_image
    from workbench.store.fitting import fit

    key = site_key(task.secret)
    try:
        image = open_image(task.path)
        facts, _ = facts_of(image.header, PendingFile(file=0, path=task.path, member="", size=0, site=""), key)
        scans = []
        for number in range(image.frames):
            fitted = fit(image.frame(number), task.settings)
            unit = (fitted.pixels.astype(np.float32) - fitted.low) / (fitted.high - fitted.low)
            scans.append(
                ReadScan(
                    task.path,
                    number,
                    key.scan(facts["instance_key"], number),
                    facts["study_key"],
                    facts["patient_key"],
                    np.clip(unit, 0, 1, out=unit),
                )
            )
    except FileRefused as refusal:
        return FileRead(task.path, code=refusal.code.value, detail=refusal.detail)
    return FileRead(task.path, tuple(scans))


def read_files(files: list[str], settings: StoreSettings, *, workers: int = 0) -> Iterator[FileRead]:
    """Read files in other processes, in no order; one whose reader dies is told as ``crashed``."""
    from workbench.cohort.keys import SiteKey
    from workbench.runs.engine import map_tasks

    secret = SiteKey.load().secret
    tasks = [FileTask(file, settings, secret) for file in files]
    for result in map_tasks(read_file, tasks, workers=min(workers, len(tasks)) if workers else None):
        if result.value is not None:
            yield result.value
        else:
            yield FileRead(files[result.index], code="crashed", detail="the process that read it died")
