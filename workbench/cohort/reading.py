"""What a worker does with a chunk of files: one read each; header, pixels, hashes and keys; one outcome each.

Identifiers become keyed hashes here, before anything is sent back, written or said.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from workbench.cohort import archives, dicomdir
from workbench.cohort.columns import SCAN_COLUMNS, UNUSABLE_FLAGS
from workbench.cohort.facts import facts_of, join_flags
from workbench.cohort.keys import SiteKey, site_key
from workbench.cohort.ledger import PendingFile, ReadFile
from workbench.cohort.pixel_hashes import combined_hash, perceptual_hash, pixel_hash
from workbench.cohort.quality.measures import Measuring
from workbench.cohort.volumes import slice_table
from workbench.cohort.watching import TooSlow, Watch, hush, limit_memory

IN_MEMORY_BYTES = 32 * 2**20
MAX_FILE_BYTES = 4 * 2**30
MAX_FRAMES = 20_000
MAX_DECODED_BYTES = 2 * 2**30
SLOW_S = 120.0


class SinkPart(Protocol):
    """What one worker hands over to a sink while it reads one chunk."""

    def add(self, scan_id: str, frame: Any) -> None:
        """Take one decoded frame (a :class:`workbench.dicom.Frame`); it never fails."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Sink(Protocol):
    """Where decoded frames go besides being hashed, such as a store; it can be sent to other processes."""

    def open(self, number: int) -> SinkPart:
        """The part that one worker fills; ``number`` tells it from the others of one index."""
        ...


@dataclass(frozen=True)
class Chunk:
    """Files for one worker.

    Attributes:
        secret: The site key's bytes; kept out of every printed form.
        files: What to read.
        limits: Whether the process is ours alone: it then limits its own memory and closes its standard error.
        slow_s: Seconds after which a file is given up.
        sink: Takes the usable frames, or None.
        number: The chunk's number within this index.
    """

    secret: bytes = field(repr=False)
    files: tuple[PendingFile, ...]
    limits: bool = True
    slow_s: float = SLOW_S
    sink: Sink | None = None
    number: int = 0


def read_chunk(chunk: Chunk) -> list[ReadFile]:
    """Read every file of a chunk; a file that goes wrong costs itself only."""
    if chunk.limits:
        limit_memory()
        hush()
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    key = site_key(chunk.secret)
    watch = Watch(chunk.slow_s)
    part = chunk.sink.open(chunk.number) if chunk.sink else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [_guarded(item, content, key, watch, part) for item, content in _contents(chunk.files)]
    finally:
        watch.stop()
        if part is not None:
            part.close()


def _contents(files: tuple[PendingFile, ...]) -> Iterator[tuple[PendingFile, bytes | None]]:
    """Each file with its content where it lies in an archive, and with None where it lies on disk."""
    inside: dict[str, list[PendingFile]] = {}
    for item in files:
        if item.member:
            inside.setdefault(item.path, []).append(item)
        else:
            yield item, None
    for path, items in inside.items():
        by_name = {item.member: item for item in items}
        for name, content in archives.read_members(Path(path), list(by_name)):
            yield by_name[name], content


def _guarded(item: PendingFile, content: bytes | None, key: SiteKey, watch: Watch, part: SinkPart | None) -> ReadFile:
    from workbench.dicom import FileRefused

    try:
        with watch.file():
            return _read(item, content, key, part)
    except FileRefused as refusal:
        return ReadFile(item.file, refusal.code.value, refusal.detail)
    except TooSlow:
        return ReadFile(item.file, "too_slow", f"limit {watch.slow_s:.0f} s")
    except MemoryError:
        return ReadFile(item.file, "too_big", "needs more memory than allowed")
    except OSError as error:
        return ReadFile(item.file, "unreadable", error.strerror or type(error).__name__)
    except Exception as error:  # a fault of a parser or codec: the text may quote the file's values, so only its kind
        return ReadFile(item.file, "crashed", type(error).__name__)


def _read(item: PendingFile, content: bytes | None, key: SiteKey, part: SinkPart | None) -> ReadFile:
    from workbench.dicom import FileRefused, Outcome

    path = Path(item.path)
    if item.member and content is None:
        return ReadFile(item.file, "unreadable", "cannot be taken out of its archive")
    if item.size == 0:
        return ReadFile(item.file, "empty")
    if item.size > MAX_FILE_BYTES:
        return ReadFile(item.file, "too_big", f"limit {MAX_FILE_BYTES // 2**30} GiB per file")
    if content is None:
        content = path.read_bytes() if item.size <= IN_MEMORY_BYTES else None
    start = content[:262] if content is not None else _start(path)
    kind = archives.archive_kind(start)
    if kind and item.member:
        return ReadFile(item.file, "archive", "lies inside another archive; unpack it first")
    if kind and _is_archive(path, kind, start):
        return ReadFile(item.file, "archive", kind)
    if kind:
        return ReadFile(item.file, "not_dicom", "looks like: a compressed file")
    source = content if content is not None else path
    try:
        return _picture(item, source, key, part)
    except FileRefused as refusal:
        if refusal.code is not Outcome.DICOMDIR:
            raise
        return _index_of_disc(item, content or b"")


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(262)


def _is_archive(path: Path, kind: str, start: bytes) -> bool:
    import tarfile

    if kind == "zip":
        return True
    return start[257:262] == b"ustar" or tarfile.is_tarfile(path)


def _index_of_disc(item: PendingFile, content: bytes) -> ReadFile:
    try:
        names = dicomdir.named_files(content)
    except ValueError:
        return ReadFile(item.file, "dicomdir", "cannot be read")
    if item.member:
        folder = item.member.rpartition("/")[0]
        found = [f"{folder}/{name}" if folder else name for name in names]
    else:
        found = [str(file) for file in dicomdir.find_beside(Path(item.path), names)]
    return ReadFile(item.file, "dicomdir", f"names {len(names)} files", names=tuple(found))


def _picture(item: PendingFile, source: bytes | Path, key: SiteKey, part: SinkPart | None) -> ReadFile:
    from workbench.dicom import FileRefused, Outcome, open_image

    image = open_image(source)
    header = image.header
    if header.frames > MAX_FRAMES:
        raise FileRefused(Outcome.TOO_BIG, f"{header.frames:,} frames; limit {MAX_FRAMES:,}")
    if header.rows * header.columns * 4 > MAX_DECODED_BYTES:
        limit = MAX_DECODED_BYTES // 2**30
        raise FileRefused(Outcome.TOO_BIG, f"{header.rows} x {header.columns} pixels; limit {limit} GiB decoded")
    facts, links = facts_of(header, item, key)
    scans, measures, hashes, unusable = [], [], [], set(UNUSABLE_FLAGS)
    measuring = Measuring(image)
    for number in range(header.frames):
        frame = image.frame(number)
        values = frame.values if frame.counts is None else frame.counts
        fingerprint = pixel_hash(values)
        hashes.append(fingerprint)
        scan_id = key.scan(facts["instance_key"], number)
        measured, found = measuring.frame(scan_id, number, frame)
        measures.append(measured)
        flags = join_flags(facts["flags"], found)
        scan = {
            **facts,
            "scan_id": scan_id,
            "frame": number,
            "pixel_hash": fingerprint,
            "perceptual_hash": perceptual_hash(frame.values),
            "flags": flags,
        }
        scans.append(tuple(scan[name] for name in SCAN_COLUMNS))
        if part is not None and unusable.isdisjoint(flags.split(";")):
            part.add(scan_id, frame)
    return ReadFile(
        file=item.file,
        outcome=header.outcome.value,
        instance_key=facts["instance_key"],
        pixels=combined_hash(hashes),
        scans=tuple(scans),
        links=links,
        measures=tuple(measures),
        slices=slice_table.rows_of(image, key),
    )
