"""``workbench import-images``: turns labelled picture files into real DICOM plus a label file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workbench.config import Result, Settings
from workbench.dicom.parsing import EXPLICIT_LITTLE
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.sources.images import REASONS, Imported, import_folder


class ImportImagesSettings(Settings):
    """Which pictures, which table, where to."""

    folder: Path = Field(description="Folder of pictures (PNG, JPEG, TIFF, BMP, WebP), at any depth.")
    labels: Path = Field(description="CSV or Excel table: columns file, patient, label; all others are kept.")
    out: Path = Field(description="Folder to write dicom/, labels.csv and refused.csv in.")
    collection: str = Field("", description="Word that goes into the UIDs; the folder's name when empty.")
    modality: str = Field("OT", pattern=r"[A-Z]{2,16}", description="DICOM modality where the table gives none.")
    transfer_syntax: str = Field(EXPLICIT_LITTLE, description="Transfer syntax UID of the files written.")
    workers: int = Field(0, ge=0, description="Processes; 0 for one per core.")


class ImportImagesResult(Result):
    """What was imported: ``seen`` is always ``imported`` + ``refused``."""

    seen: int
    imported: int
    refused: int
    patients: int
    folder: str
    labels: str
    refused_file: str
    reasons: dict[str, int]
    unclear: dict[str, int]
    stale: int
    notes: list[str]

    @property
    def exit_code(self) -> int:
        """2 where not a single picture could be imported."""
        return 0 if self.imported else 2

    def summary(self) -> str:
        """The totals, each reason, and the next command."""
        lines = [
            f"{self.seen:,} rows seen = {self.imported:,} imported + {self.refused:,} refused; "
            f"{self.patients:,} patients."
        ]
        lines += [f"  {number:>9,}  {reason}: {REASONS[reason]}" for reason, number in self.reasons.items()]
        if self.refused:
            lines.append(f"What was refused, row by row: {self.refused_file}")
        for column, number in self.unclear.items():
            lines.append(
                f"{number:,} values of column '{column}' are not understood: kept in the labels, not in the header."
            )
        if self.stale:
            lines.append(f"{self.stale:,} DICOM files of an earlier import are still in {self.folder}; delete them.")
        lines += self.notes
        if self.imported:
            lines.append(f"Labels: {self.labels}")
            lines.append(f"Next: workbench index {self.folder} --cohort NAME, then")
            lines.append(f"      workbench label NAME {self.labels} --key sop --column label")
        else:
            lines.append("Nothing was imported. What to do: look into refused.csv, and check the folder and the table.")
        return "\n".join(lines)


def import_images(
    settings: ImportImagesSettings, *, workspace: Workspace, progress: Progress | None = None
) -> ImportImagesResult:
    """Turn a folder of labelled pictures into DICOM; the same input gives the same files.

    Raises:
        InputError: The folder or the table cannot be used.
        OperationFailed: The output folder cannot be written.
    """
    done = import_folder(
        settings.folder,
        settings.labels,
        settings.out,
        collection=settings.collection,
        modality=settings.modality,
        transfer_syntax=settings.transfer_syntax,
        workers=settings.workers,
        progress=progress,
    )
    return result_of(done)


def result_of(done: Imported) -> ImportImagesResult:
    """The import's totals as a verb's result."""
    return ImportImagesResult(
        seen=done.seen,
        imported=done.imported,
        refused=done.refused,
        patients=done.patients,
        folder=str(done.folder),
        labels=str(done.labels),
        refused_file=str(done.refused_file or ""),
        reasons=done.reasons,
        unclear=done.unclear,
        stale=done.stale,
        notes=list(done.notes),
    )
