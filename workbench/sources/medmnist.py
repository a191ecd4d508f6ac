"""MedMNIST sets to real DICOM: the arrays of a published ``.npz`` become Secondary Captures and a label file."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.dicom.identity import uid_from
from workbench.errors import InputError, OperationFailed
from workbench.runs.engine import TaskResult, map_tasks
from workbench.runs.progress import Progress
from workbench.sources.images import Imported, file_of, make_folder, stale_files, write_table
from workbench.sources.medmnist_sets import PUBLISHER, SPLITS, MedMnistSet, find_set
from workbench.sources.picture_file import grey_if_equal

CHUNK = 256
BLOCK = 2**20
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ArrayChunk:
    """Some images of one split, for one worker.

    Attributes:
        name: The set.
        split: ``train``, ``val`` or ``test``.
        start: Place of the first image in the split.
        pixels: uint8 ``(n, height, width)`` or ``(n, height, width, 3)``.
        out: Folder to write in.
        transfer_syntax: How the DICOM files are coded.
        body_part: Goes into the header where it is not empty.
    """

    name: str
    split: str
    start: int
    pixels: np.ndarray
    out: str
    transfer_syntax: str
    body_part: str


def import_set(
    name: str,
    out: Path,
    *,
    npz: Path | None = None,
    size: int = 28,
    transfer_syntax: str = "1.2.840.10008.1.2.1",
    workers: int = 0,
    progress: Progress | None = None,
) -> Imported:
    """Import one set. MedMNIST names no patients: every image counts as a patient of its own.

    Args:
        name: Name of the set, such as ``pneumoniamnist``.
        out: Folder to write ``dicom/`` and ``labels.csv`` in; made if absent.
        npz: The file, where it is here already; fetched from the publisher into ``out`` otherwise.
        size: Side of the images to fetch: 28, 64, 128 or 224 pixels.
        transfer_syntax: How the DICOM files are coded.
        workers: Processes; 0 for one per core.
        progress: Told of every 256 images.

    Returns:
        The totals. The label file has ``sop, path, patient, split, index``, and ``label`` with the class's name, or one
        column of 0 and 1 per finding for a multi-label set.

    Raises:
        InputError: There is no such set, or the file is not one.
        OperationFailed: The file cannot be fetched, or what was fetched is not what was published.
    """
    facts = find_set(name)
    if npz is None and size not in facts.md5:
        raise InputError(
            f"MedMNIST has no size {size}.", todo=f"Choose one of {', '.join(str(side) for side in facts.md5)}."
        )
    make_folder(out / "dicom")
    file = npz if npz is not None else fetch(facts, out, size, progress=progress)
    notes = _notes(facts, file, given=npz is not None)
    labels = _labels(facts, file)
    total = sum(len(part) for part in labels.values())
    rows: list[dict[str, Any]] = []
    chunks = _chunks(facts, file, out, labels, transfer_syntax)
    for part in _run(chunks, workers, few=total <= 2 * CHUNK):
        if part.value is None:
            raise OperationFailed(f"Images could not be written: {part.error}", where=out / "dicom")
        rows += part.value
        if progress:
            progress.progress(len(rows), total, "images")
    order = {split: number for number, split in enumerate(SPLITS)}
    rows.sort(key=lambda row: (order[row["split"]], row["index"]))
    for row in rows:
        row.update(_label_values(facts, labels[row["split"]][row["index"]]))
    targets = list(facts.labels) if facts.task == "multilabel" else ["label"]
    write_table(out / "labels.csv", ["sop", "path", "patient", *targets, "split", "index"], rows)
    return Imported(
        folder=out / "dicom",
        labels=out / "labels.csv",
        refused_file=None,
        seen=total,
        imported=len(rows),
        refused=total - len(rows),
        patients=len(rows),
        reasons={},
        stale=stale_files(out, {row["path"] for row in rows}),
        notes=tuple(notes),
    )


def _run(chunks: Iterator[ArrayChunk], workers: int, *, few: bool) -> Iterator[TaskResult[list[dict[str, Any]]]]:
    if not few:
        yield from map_tasks(write_chunk, chunks, workers=workers)
        return
    for index, chunk in enumerate(chunks):  # starting processes takes longer
        yield TaskResult(index, write_chunk(chunk))


def write_chunk(chunk: ArrayChunk) -> list[dict[str, Any]]:
    """What a worker does: write some images; returns a row of the label file for each, without its label."""
    from workbench.dicom.secondary_capture import write_secondary_capture

    rows = []
    for place, image in enumerate(chunk.pixels, start=chunk.start):
        pixels = grey_if_equal(image) if image.ndim == 3 else image
        patient = f"{chunk.name}-{chunk.split}-{place:06d}"
        study_uid = uid_from("study", "medmnist", patient)
        sop_uid = uid_from("instance", "medmnist", patient, hashlib.sha256(image.tobytes()).hexdigest())
        path = file_of(sop_uid)
        target = Path(chunk.out) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_secondary_capture(
            target,
            pixels,
            patient_id=patient,
            study_uid=study_uid,
            series_uid=uid_from("series", study_uid),
            sop_uid=sop_uid,
            transfer_syntax=chunk.transfer_syntax,
            extra={"BodyPartExamined": chunk.body_part} if chunk.body_part else None,
        )
        rows.append({"sop": sop_uid, "path": path, "patient": patient, "split": chunk.split, "index": place})
    return rows


def fetch(facts: MedMnistSet, folder: Path, size: int, *, progress: Progress | None = None) -> Path:
    """Fetch a set from its publisher, or take the file that an earlier call fetched.

    Args:
        facts: The set.
        folder: Where the file goes.
        size: Side of the images, pixels.
        progress: Told of the bytes.

    Raises:
        OperationFailed: The publisher cannot be reached, or the checksum differs.
    """
    name = facts.file_name(size)
    file = folder / name
    if file.is_file() and _md5(file) == facts.md5[size]:
        return file
    address = f"{PUBLISHER}{name}?download=1"
    todo = f"Fetch {address} by other means, then give it as --npz FILE."
    temporary = folder / f".{name}.{os.getpid()}.part"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer, temporary.open("wb") as stream:
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while block := answer.read(BLOCK):
                stream.write(block)
                done += len(block)
                if progress:
                    progress.progress(done // BLOCK, max(total, done) // BLOCK, "MiB")
        if _md5(temporary) != facts.md5[size]:
            raise OperationFailed("What was fetched is not what was published (MD5 differs).", where=address, todo=todo)
        temporary.replace(file)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise OperationFailed(f"The publisher cannot be reached: {reason}.", where=address, todo=todo) from error
    except OSError as error:
        raise OperationFailed(f"The file cannot be stored: {error.strerror}.", where=file, todo=todo) from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _md5(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _notes(facts: MedMnistSet, file: Path, *, given: bool) -> list[str]:
    notes = ["MedMNIST names no patients: every image counts as a patient of its own."]
    if given and file.is_file() and _md5(file) not in facts.md5.values():
        notes.append("The file's MD5 is none of the published ones: it is another version, or was rebuilt.")
    notes.append(f"Licence of {facts.name}: {facts.licence}; cite MedMNIST v2 (doi:10.1038/s41597-022-01721-8).")
    return notes


def _labels(facts: MedMnistSet, file: Path) -> dict[str, np.ndarray]:
    """Labels of each split, ``(N, 1)`` class numbers or ``(N, findings)`` 0 and 1, checked against the facts."""
    todo = f"Give the file {facts.file_name(28)} of MedMNIST v2."
    found = {}
    try:
        with np.load(file, allow_pickle=False) as archive:
            for split in SPLITS:
                if f"{split}_labels" in archive.files and f"{split}_images" in archive.files:
                    labels = archive[f"{split}_labels"]
                    found[split] = labels.reshape(len(labels), -1)
    except FileNotFoundError as error:
        raise InputError("There is no such file.", where=file, todo="Check the path of --npz.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError("The file is no MedMNIST set.", where=file, todo=todo) from error
    if not found:
        raise InputError("The file holds no images and labels of a MedMNIST set.", where=file, todo=todo)
    width = len(facts.labels) if facts.task == "multilabel" else 1
    top = 1 if facts.task == "multilabel" else len(facts.labels) - 1
    for split, labels in found.items():
        if labels.shape[1] != width or (len(labels) and (labels.min() < 0 or labels.max() > top)):
            raise InputError(f"The labels of '{split}' are not those of {facts.name}.", where=file, todo=todo)
    return found


def _label_values(facts: MedMnistSet, labels: np.ndarray) -> dict[str, Any]:
    if facts.task == "multilabel":
        return {name: int(value) for name, value in zip(facts.labels, labels, strict=True)}
    return {"label": facts.labels[int(labels[0])]}


def _chunks(
    facts: MedMnistSet, file: Path, out: Path, labels: dict[str, np.ndarray], transfer_syntax: str
) -> Iterator[ArrayChunk]:
    for split in labels:
        start = 0
        for pixels in stream_images(file, split, CHUNK):
            yield ArrayChunk(facts.name, split, start, pixels, str(out), transfer_syntax, facts.body_part)
            start += len(pixels)
        if start != len(labels[split]):
            raise InputError(
                f"'{split}' has {start:,} images and {len(labels[split]):,} labels.",
                where=file,
                todo="Give a complete file.",
            )


def stream_images(file: Path, split: str, count: int) -> Iterator[np.ndarray]:
    """Read a split's images some at a time, so that memory does not grow with the set.

    Args:
        file: The ``.npz`` file.
        split: ``train``, ``val`` or ``test``.
        count: How many at a time.

    Yields:
        uint8 ``(n, height, width)`` or ``(n, height, width, 3)``.

    Raises:
        InputError: The images are not such an array.
    """
    todo = "Give a file of MedMNIST v2."
    try:
        with zipfile.ZipFile(file) as archive, archive.open(f"{split}_images.npy") as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            plain = dtype == np.uint8 and not fortran
            if not plain or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3):
                raise InputError(f"The images of '{split}' are {dtype} of shape {shape}.", where=file, todo=todo)
            each = int(np.prod(shape[1:]))
            for start in range(0, shape[0], count):
                number = min(count, shape[0] - start)
                content = stream.read(number * each)
                if len(content) < number * each:
                    raise InputError(f"The images of '{split}' are cut short.", where=file, todo=todo)
                yield np.frombuffer(content, np.uint8).reshape(number, *shape[1:])
    except (zipfile.BadZipFile, ValueError, KeyError, OSError) as error:
        raise InputError(f"The images of '{split}' cannot be read.", where=file, todo=todo) from error
