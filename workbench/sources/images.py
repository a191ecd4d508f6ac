"""Labelled picture files to real DICOM: a folder of PNG or JPEG and its table become Secondary Captures and labels."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.dicom.identity import uid_from
from workbench.errors import InputError, OperationFailed, WorkbenchError
from workbench.runs.engine import map_tasks
from workbench.runs.progress import Progress
from workbench.sources.image_table import ImageRow, ImageTable, header_values, read_table
from workbench.sources.picture_file import NoPicture, read_picture

CHUNK = 64
REASONS = {
    "bad_row": "the row has more cells than the table has columns",
    "no_file": "the row names no file",
    "no_patient": "the row names no patient",
    "bad_patient": "the patient is longer than 64 characters or holds a backslash",
    "listed_twice": "the same file of the same patient is in an earlier row",
    "outside_folder": "the path leads out of the folder",
    "file_missing": "there is no such file",
    "unreadable": "the file cannot be read",
    "not_an_image": "the file is no picture",
    "damaged": "the picture is damaged",
    "several_pictures": "the file holds several pictures",
    "unsupported_pixels": "the picture's pixels cannot be taken over unchanged",
    "too_big": "the picture is too big",
    "not_written": "the DICOM file could not be written",
}


@dataclass(frozen=True)
class ImageTask:
    """One picture to import.

    Attributes:
        row: Its row of the table.
        instance_number: Its number within its study.
        study: What makes its study: the table's study, else the file.
    """

    row: ImageRow
    instance_number: int
    study: str


@dataclass(frozen=True)
class ImageChunk:
    """Pictures for one worker, and where everything lies."""

    folder: str
    out: str
    collection: str
    modality: str
    transfer_syntax: str
    tasks: tuple[ImageTask, ...]


@dataclass(frozen=True)
class ImportedImage:
    """What became of one row.

    Attributes:
        number: The row's number.
        sop: SOP instance UID, or nothing where it was refused.
        path: The DICOM file, below the output folder.
        reason: Why it was refused, or nothing.
        detail: A few words more.
        unclear: Columns whose value did not go into the header.
    """

    number: int
    sop: str = ""
    path: str = ""
    reason: str = ""
    detail: str = ""
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What an import did: ``seen`` = ``imported`` + ``refused``.

    Attributes:
        folder: The folder of DICOM files.
        labels: The label file: ``sop, path, patient, label`` and all other columns.
        refused_file: What was refused and why, or None.
        seen: Rows, or pictures, seen.
        imported: Files written.
        refused: Rows refused.
        patients: Patients among those imported.
        reasons: Refused rows by reason.
        unclear: Rows whose value of a column did not go into the header, by column.
        stale: DICOM files of an earlier import that are still there.
        notes: Further sentences for people.
    """

    folder: Path
    labels: Path
    refused_file: Path | None
    seen: int
    imported: int
    refused: int
    patients: int
    reasons: dict[str, int]
    unclear: dict[str, int] = field(default_factory=dict)
    stale: int = 0
    notes: tuple[str, ...] = ()


def import_folder(
    folder: Path,
    table: Path,
    out: Path,
    *,
    collection: str = "",
    modality: str = "OT",
    transfer_syntax: str = "1.2.840.10008.1.2.1",
    workers: int = 0,
    progress: Progress | None = None,
) -> Imported:
    """Import a folder of pictures; the same pictures and table give the same files, byte for byte.

    Args:
        folder: Where the pictures lie.
        table: Columns ``file``, ``patient``, ``label`` and any others.
        out: Folder to write ``dicom/``, ``labels.csv`` and ``refused.csv`` in; made if absent.
        collection: A word that goes into the UIDs, so that equal file names of two sets stay apart; the folder's name
            if not given.
        modality: Modality where the table does not give one.
        transfer_syntax: How the DICOM files are coded.
        workers: Processes; 0 for one per core.
        progress: Told of every 64 pictures.

    Raises:
        InputError: The folder or the table cannot be used.
        OperationFailed: The output folder cannot be written.
    """
    if not folder.is_dir():
        raise InputError("There is no such folder of pictures.", where=folder, todo="Check the path.")
    found = read_table(table)
    tasks, early = plan(found)
    make_folder(out / "dicom")
    chunks = [
        ImageChunk(str(folder), str(out), collection or folder.resolve().name, modality, transfer_syntax, tuple(part))
        for part in _parts(tasks)
    ]
    results = {item.number: item for item in early}
    for part in _run(chunks, workers):
        results.update({item.number: item for item in part})
        if progress:
            progress.progress(len(results), len(found.rows), "pictures")
    return _finish(found, results, out)


def plan(table: ImageTable) -> tuple[list[ImageTask], list[ImportedImage]]:
    """Sort out the rows that need no look at the file, and number the others within their studies."""
    tasks: list[ImageTask] = []
    refused: list[ImportedImage] = []
    seen: dict[tuple[str, str], int] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for row in table.rows:
        reason, detail = "", ""
        if not row.cells:
            reason = "bad_row"
        elif not row.file:
            reason = "no_file"
        elif not row.patient:
            reason = "no_patient"
        elif len(row.patient) > 64 or "\\" in row.patient:
            reason = "bad_patient"
        elif (row.file, row.patient) in seen:
            reason, detail = "listed_twice", f"see row {seen[row.file, row.patient]}"
        if reason:
            refused.append(ImportedImage(row.number, reason=reason, detail=detail))
            continue
        seen[row.file, row.patient] = row.number
        _, study, _ = header_values(row)
        key = f"study|{study}" if study else f"file|{row.file}"
        numbers[row.patient, key] += 1
        tasks.append(ImageTask(row, numbers[row.patient, key], key))
    return tasks, refused


def import_chunk(chunk: ImageChunk) -> list[ImportedImage]:
    """What a worker does: read each picture and write it as DICOM."""
    folder = Path(chunk.folder).resolve()
    return [_import_one(task, chunk, folder) for task in chunk.tasks]


def _import_one(task: ImageTask, chunk: ImageChunk, folder: Path) -> ImportedImage:
    from workbench.dicom.secondary_capture import write_secondary_capture

    row = task.row
    try:
        file = (folder / row.file.replace("\\", "/")).resolve()
        if not file.is_relative_to(folder):
            return ImportedImage(row.number, reason="outside_folder")
        if not file.is_file():
            return ImportedImage(row.number, reason="file_missing")
        content = file.read_bytes()
        picture = read_picture(content)
    except NoPicture as problem:
        return ImportedImage(row.number, reason=problem.reason, detail=problem.detail)
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        return ImportedImage(row.number, reason="unreadable", detail=detail)
    extra, _, unclear = header_values(row)
    if picture.lossy:
        extra |= {
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": f"{picture.ratio:.4g}",
            "LossyImageCompressionMethod": "ISO_10918_1",
        }
    patient = row.patient
    study_uid = uid_from("study", chunk.collection, patient, task.study)
    digest = hashlib.sha256(content).hexdigest()
    sop_uid = uid_from("instance", chunk.collection, patient, task.study, row.file, digest)
    path = file_of(sop_uid)
    target = Path(chunk.out) / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_secondary_capture(
            target,
            picture.pixels,
            patient_id=patient,
            study_uid=study_uid,
            series_uid=uid_from("series", study_uid),
            sop_uid=sop_uid,
            instance_number=task.instance_number,
            modality=str(extra.pop("Modality", chunk.modality)),
            transfer_syntax=chunk.transfer_syntax,
            extra=extra,
        )
    except WorkbenchError as error:
        return ImportedImage(row.number, reason="not_written", detail=error.what)
    except OSError as error:
        return ImportedImage(row.number, reason="not_written", detail=error.strerror or type(error).__name__)
    return ImportedImage(row.number, sop_uid, path, unclear=tuple(unclear))


def file_of(sop_uid: str) -> str:
    """Where an instance lies below the output folder: 256 folders, names without any identity."""
    name = f"{int(sop_uid.removeprefix('2.25.')):032x}"
    return f"dicom/{name[-2:]}/{name}.dcm"


def make_folder(folder: Path) -> None:
    """Make a folder.

    Raises:
        OperationFailed: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperationFailed(
            f"The output folder cannot be made: {error.strerror}.", where=folder, todo="Choose another --out."
        ) from error


def write_table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write a CSV file as a whole: to a temporary name, then renamed.

    Raises:
        OperationFailed: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(columns), restval="")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(path)
    except OSError as error:
        raise OperationFailed(
            f"A table cannot be written: {error.strerror}.", where=path, todo="Free some space, then run again."
        ) from error


def stale_files(out: Path, written: set[str]) -> int:
    """How many DICOM files below ``out`` were not written by this import."""
    return sum(str(file.relative_to(out)) not in written for file in (out / "dicom").glob("*/*.dcm"))


def _parts(tasks: list[ImageTask]) -> Iterator[list[ImageTask]]:
    for start in range(0, len(tasks), CHUNK):
        yield tasks[start : start + CHUNK]


def _run(chunks: list[ImageChunk], workers: int) -> Iterator[list[ImportedImage]]:
    if len(chunks) <= 2:  # starting processes takes longer
        yield from map(import_chunk, chunks)
        return
    for result in map_tasks(import_chunk, chunks, workers=workers):
        if result.value is not None:
            yield result.value
        else:
            detail = result.error or ""
            yield [
                ImportedImage(task.row.number, reason="damaged", detail=detail) for task in chunks[result.index].tasks
            ]


def _finish(table: ImageTable, results: dict[int, ImportedImage], out: Path) -> Imported:
    columns = ["sop", "path", "patient", *(["label"] if table.labelled else []), "file"]
    columns += [name for name in table.more if name not in columns]
    written, refused, patients = [], [], set()
    unclear: Counter[str] = Counter()
    for row in table.rows:
        result = results[row.number]
        if result.sop:
            own = {"sop": result.sop, "path": result.path, "patient": row.patient, "file": row.file}
            own |= {"label": row.label} if table.labelled else {}
            written.append(row.more | own)
            patients.add(row.patient)
            unclear.update(result.unclear)
        else:
            sentence = REASONS[result.reason]
            detail = f"{sentence}: {result.detail}" if result.detail else sentence
            refused.append({"row": row.number, "file": row.file, "reason": result.reason, "detail": detail})
    write_table(out / "labels.csv", columns, written)
    refused_file = out / "refused.csv"
    write_table(refused_file, ["row", "file", "reason", "detail"], refused)
    return Imported(
        folder=out / "dicom",
        labels=out / "labels.csv",
        refused_file=refused_file,
        seen=len(table.rows),
        imported=len(written),
        refused=len(refused),
        patients=len(patients),
        reasons=dict(Counter(str(item["reason"]) for item in refused)),
        unclear=dict(unclear),
        stale=stale_files(out, {item["path"] for item in written}),
        notes=() if table.labelled else ("The table has no column 'label'; name your own when you label the cohort.",),
    )
