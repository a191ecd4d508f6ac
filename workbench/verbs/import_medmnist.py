"""``workbench import-medmnist``: turns a MedMNIST set into DICOM plus a label file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workbench.config import Result, Settings
from workbench.dicom.parsing import EXPLICIT_LITTLE
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.sources.medmnist import import_set
from workbench.sources.medmnist_sets import find_set


class ImportMedmnistSettings(Settings):
    """Which set, from where, where to."""

    name: str = Field(description="Name of a 2-D MedMNIST set, such as pneumoniamnist or chestmnist.")
    out: Path = Field(description="Folder to write dicom/ and labels.csv in.")
    npz: Path | None = Field(None, description="The set's .npz file; fetched from the publisher when not given.")
    size: int = Field(28, description="Side of the images to fetch, pixels: 28, 64, 128 or 224.")
    transfer_syntax: str = Field(EXPLICIT_LITTLE, description="Transfer syntax UID of the files written.")
    workers: int = Field(0, ge=0, description="Processes; 0 for one per core.")


class ImportMedmnistResult(Result):
    """What was imported."""

    name: str
    task: str
    columns: list[str]
    seen: int
    imported: int
    refused: int
    folder: str
    labels: str
    stale: int
    notes: list[str]

    def summary(self) -> str:
        """The totals and the next command."""
        lines = [f"{self.imported:,} images of {self.name} imported ({self.task})."]
        if self.stale:
            lines.append(f"{self.stale:,} DICOM files of an earlier import are still in {self.folder}; delete them.")
        lines += self.notes
        lines.append(f"Labels: {self.labels}")
        lines.append(f"Next: workbench index {self.folder} --cohort NAME, then")
        lines.append(f"      workbench label NAME {self.labels} --key sop --column '{','.join(self.columns)}'")
        return "\n".join(lines)


def import_medmnist(
    settings: ImportMedmnistSettings, *, workspace: Workspace, progress: Progress | None = None
) -> ImportMedmnistResult:
    """Turn a MedMNIST set into DICOM; the same file gives the same DICOM files.

    Raises:
        InputError: There is no such set, or the file is not one.
        OperationFailed: The set cannot be fetched, or the output folder cannot be written.
    """
    facts = find_set(settings.name)
    done = import_set(
        settings.name,
        settings.out,
        npz=settings.npz,
        size=settings.size,
        transfer_syntax=settings.transfer_syntax,
        workers=settings.workers,
        progress=progress,
    )
    return ImportMedmnistResult(
        name=facts.name,
        task=facts.task,
        columns=list(facts.labels) if facts.task == "multilabel" else ["label"],
        seen=done.seen,
        imported=done.imported,
        refused=done.refused,
        folder=str(done.folder),
        labels=str(done.labels),
        stale=done.stale,
        notes=list(done.notes),
    )
