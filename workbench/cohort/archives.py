"""Zip and tar files as sources: what is inside, read member by member without unpacking to disk.

Nothing is ever written under a member's own name, so no name in an archive can lead outside.
"""

from __future__ import annotations

import fcntl
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from workbench.errors import OperationFailed

MAX_MEMBERS = 200_000
MAX_RATIO = 100
MAX_MEMBER_BYTES = 2 * 2**30
MIN_SUSPECT_BYTES = 64 * 2**20
BLOCK = 2**20


class ArchiveRefused(Exception):
    """An archive that is not entered, with the reason in a few words."""


def archive_kind(start: bytes) -> str:
    """``zip``, ``tar`` or nothing, from the first 262 bytes of a file (gzip, bzip2 and xz count as tar)."""
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if start[257:262] == b"ustar" or start[:2] == b"\x1f\x8b" or start[:3] == b"BZh" or start[:6] == b"\xfd7zXZ\x00":
        return "tar"
    return ""


def members(path: Path) -> list[tuple[str, int]]:
    """Names and sizes in bytes of the regular files inside an archive, sorted by name.

    Raises:
        ArchiveRefused: It is damaged, locked by a password, holds too many files or unpacks to too much.
    """
    with path.open("rb") as stream:
        kind = archive_kind(stream.read(262))
    try:
        found = _zip_members(path) if kind == "zip" else _tar_members(path)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveRefused("damaged archive") from error
    total = sum(size for _, size in found)
    if total > MIN_SUSPECT_BYTES and total > MAX_RATIO * max(1, path.stat().st_size):
        raise ArchiveRefused(f"would unpack to more than {MAX_RATIO} times its size")
    return sorted(found)


def _zip_members(path: Path) -> list[tuple[str, int]]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MAX_MEMBERS:
            raise ArchiveRefused(f"holds more than {MAX_MEMBERS:,} files")
        if any(entry.flag_bits & 1 for entry in entries):
            raise ArchiveRefused("locked by a password")
        return list({entry.filename: entry.file_size for entry in entries}.items())


def _tar_members(path: Path) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    limit = max(MIN_SUSPECT_BYTES, MAX_RATIO * path.stat().st_size)
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isreg():
                found[entry.name] = entry.size
            if len(found) > MAX_MEMBERS:
                raise ArchiveRefused(f"holds more than {MAX_MEMBERS:,} files")
            if entry.offset_data + entry.size > limit:
                raise ArchiveRefused(f"would unpack to more than {MAX_RATIO} times its size")
    return list(found.items())


def read_members(path: Path, names: list[str]) -> Iterator[tuple[str, bytes | None]]:
    """The contents of some members, each in full; None for one that cannot be read or is larger than allowed.

    A tar file is passed through once, in its own order, so ask for many members at a time.
    """
    with path.open("rb") as stream:
        kind = archive_kind(stream.read(262))
    wanted = set(names)
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                for name in names:
                    wanted.discard(name)
                    yield name, _read_zip(archive, name)
        else:
            with tarfile.open(path) as archive:
                last = {entry.name: entry.offset for entry in archive if entry.isreg() and entry.name in wanted}
                for entry in archive:
                    if last.get(entry.name) == entry.offset:
                        wanted.discard(entry.name)
                        yield entry.name, _read_stream(archive.extractfile(entry))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError):
        pass
    for name in sorted(wanted):
        yield name, None


def _read_zip(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        with archive.open(name) as stream:
            return _read_stream(stream)
    except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError, OSError):
        return None


def _read_stream(stream: IO[bytes] | None) -> bytes | None:
    if stream is None:
        return None
    with stream:
        content = stream.read(MAX_MEMBER_BYTES + 1)
    return content if len(content) <= MAX_MEMBER_BYTES else None


def unpack(path: Path, targets: dict[str, Path], wanted: str) -> Path:
    """Write one member's content to its target, unless it is there already.

    A tar file is passed through once for all its members, for it has no table of contents.

    Args:
        path: The archive.
        targets: For every member that is in use, a file of our own naming.
        wanted: The member asked for.

    Raises:
        OperationFailed: The archive is gone, or no longer holds the member.
    """
    target = targets[wanted]
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (target.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() and path.is_file():
            names = [wanted] if zipfile.is_zipfile(path) else list(targets)
            for name, content in read_members(path, names):
                if content is not None:
                    handle, temporary = tempfile.mkstemp(dir=target.parent)
                    with os.fdopen(handle, "wb") as stream:
                        stream.write(content)
                    Path(temporary).replace(targets[name])
    if not target.exists():
        raise OperationFailed(
            "A file of the cohort cannot be taken out of its archive.",
            where=f"path key {target.stem}",
            todo="Bring the archive back, or run 'workbench index' again.",
        )
    return target
