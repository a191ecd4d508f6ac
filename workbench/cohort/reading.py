"""What a worker does with a chunk of files: one read each; header, pixels, hashes and keys; one outcome each.

Identifiers become keyed hashes here, before anything is sent back, written or said.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cohort import archives, dicomdir
from workbench.cohort.columns import SCAN_COLUMNS
from workbench.cohort.keys import SiteKey, site_key
from workbench.cohort.ledger import PendingFile, ReadFile
from workbench.cohort.pixel_hashes import combined_hash, perceptual_hash, pixel_hash

if TYPE_CHECKING:
    from workbench.dicom.header import Header

IN_MEMORY_BYTES = 32 * 2**20
MAX_FILE_BYTES = 4 * 2**30
MAX_FRAMES = 20_000
MAX_DECODED_BYTES = 2 * 2**30
MEMORY_BYTES = 4 * 2**30
SLOW_S = 120.0
BLANK_SPREAD = 0.0
REARM_S = 5.0


@dataclass(frozen=True)
class Chunk:
    """Files for one worker.

    Attributes:
        secret: The site key's bytes; kept out of every printed form.
        files: What to read.
        limits: Whether the process is ours alone: it then limits its own memory and closes its standard error.
        slow_s: Seconds after which a file is given up.
    """

    secret: bytes = field(repr=False)
    files: tuple[PendingFile, ...]
    limits: bool = True
    slow_s: float = SLOW_S


class _TooSlow(BaseException):
    """The time allowed for one file is over; no ``except Exception`` of a parser may swallow it."""


def read_chunk(chunk: Chunk) -> list[ReadFile]:
    """Read every file of a chunk; a file that goes wrong costs itself only."""
    if chunk.limits:
        _limit_memory()
        _hush()
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    key = site_key(chunk.secret)
    watch = _Watch(chunk.slow_s)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [_guarded(item, content, key, watch) for item, content in _contents(chunk.files)]
    finally:
        watch.stop()


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


def _guarded(item: PendingFile, content: bytes | None, key: SiteKey, watch: _Watch) -> ReadFile:
    from workbench.dicom import FileRefused

    try:
        with watch.file():
            return _read(item, content, key)
    except FileRefused as refusal:
        return ReadFile(item.file, refusal.code.value, refusal.detail)
    except _TooSlow:
        return ReadFile(item.file, "too_slow", f"limit {watch.slow_s:.0f} s")
    except MemoryError:
        return ReadFile(item.file, "too_big", "needs more memory than allowed")
    except OSError as error:
        return ReadFile(item.file, "unreadable", error.strerror or type(error).__name__)
    except Exception as error:  # a fault of a parser or codec: the text may quote the file's values, so only its kind
        return ReadFile(item.file, "crashed", type(error).__name__)


def _read(item: PendingFile, content: bytes | None, key: SiteKey) -> ReadFile:
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
        return _picture(item, source, key)
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


def _picture(item: PendingFile, source: bytes | Path, key: SiteKey) -> ReadFile:
    from workbench.dicom import FileRefused, Outcome, open_image

    image = open_image(source)
    header = image.header
    if header.frames > MAX_FRAMES:
        raise FileRefused(Outcome.TOO_BIG, f"{header.frames:,} frames; limit {MAX_FRAMES:,}")
    if header.rows * header.columns * 4 > MAX_DECODED_BYTES:
        limit = MAX_DECODED_BYTES // 2**30
        raise FileRefused(Outcome.TOO_BIG, f"{header.rows} x {header.columns} pixels; limit {limit} GiB decoded")
    facts, links = facts_of(header, item, key)
    scans, hashes = [], []
    for number in range(header.frames):
        frame = image.frame(number)
        values = frame.values if frame.counts is None else frame.counts
        fingerprint = pixel_hash(values)
        hashes.append(fingerprint)
        flags = facts["flags"]
        if float(values.max()) - float(values.min()) <= BLANK_SPREAD:
            flags = join_flags(flags, "blank")
        scan = {
            **facts,
            "scan_id": key.scan(facts["instance_key"], number),
            "frame": number,
            "pixel_hash": fingerprint,
            "perceptual_hash": perceptual_hash(frame.values),
            "flags": flags,
        }
        scans.append(tuple(scan[name] for name in SCAN_COLUMNS))
    return ReadFile(
        item.file, header.outcome.value, "", facts["instance_key"], combined_hash(hashes), tuple(scans), (), links
    )


def facts_of(
    header: Header, item: PendingFile, key: SiteKey
) -> tuple[dict[str, Any], tuple[tuple[str, str, str], ...]]:
    """A header's facts under the manifest's names, identifiers replaced by keys; and the links for label tables."""
    raw = header.identifiers
    patient_id = raw.patient_id.strip()
    study, series, instance = raw.study_uid, raw.series_uid, raw.sop_uid
    path_key = key.path(item.path, item.member)
    facts: dict[str, Any] = {name: _known(getattr(header, name, None)) for name in SCAN_COLUMNS}
    links: tuple[tuple[str, str, str], ...] = ()
    if patient_id:
        patient = key.patient(raw.issuer, patient_id)
        loose = patient_id.lstrip("0").upper()
        links = (
            ("patient", patient, key.link("patient", patient_id)),
            ("patient_loose", patient, key.link("patient_loose", loose)),
        )
    else:
        patient = key.unknown_patient(study or series or instance or path_key)
    made_by = " ".join(word for word in (facts["manufacturer"], facts["model"]) if word)
    machine = key.device(raw.station, raw.institution) if raw.station else ""
    facts.update(
        path_key=path_key,
        patient_key=patient,
        patient_unknown=int(not patient_id),
        study_key=key.uid(study or f"none|{path_key}"),
        series_key=key.uid(series or f"none|{path_key}"),
        instance_key=key.uid(instance or f"none|{path_key}"),
        scanner=" ".join(word for word in (made_by, machine) if word) or None,
        site=item.site or (f"site {key.device('', raw.institution)[:4]}" if raw.institution else None),
        flags=join_flags(*([] if patient_id else ["patient_unknown"]), header.flags),
    )
    return facts, links


def _known(value: Any) -> Any:
    return None if value == "" else value


def join_flags(*flags: Any) -> str:
    """Findings as one word, sorted, each once."""
    names: set[str] = set()
    for flag in flags:
        names.update(flag.split(";") if isinstance(flag, str) else flag)
    return ";".join(sorted(names - {""}))


def _hush() -> None:
    """Close standard error of this process: warnings of parsers and codecs quote the values that they stumble on."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)


def _limit_memory() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    if soft == resource.RLIM_INFINITY or soft > wanted:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


class _Watch:
    """Gives up a file that takes too long: by a signal where Python runs, by ending the process where a codec hangs."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.able = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        self._armed_at = float("-inf")
        if self.able:
            self._sink = Path(os.devnull).open("w")  # noqa: SIM115 (closed in stop)
            self._before = signal.signal(signal.SIGALRM, self._ring)

    @contextlib.contextmanager
    def file(self) -> Iterator[None]:
        """Watch over one file."""
        if not self.able:
            yield
            return
        now = time.monotonic()
        if now - self._armed_at > REARM_S:
            self._armed_at = now
            faulthandler.dump_traceback_later(1.25 * self.slow_s + 2 * REARM_S, exit=True, file=self._sink)
        signal.setitimer(signal.ITIMER_REAL, self.slow_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def stop(self) -> None:
        """Watch no more."""
        if self.able:
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, self._before)
            self._sink.close()

    @staticmethod
    def _ring(number: int, frame: Any) -> None:
        raise _TooSlow
