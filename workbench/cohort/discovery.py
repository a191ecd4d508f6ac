"""Finding every regular file under the sources, without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from workbench.errors import InputError


class FoundFile(NamedTuple):
    """A regular file: its absolute path, its size in bytes, and its time of change in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass
class Skipped:
    """What the walk met besides regular files: said in the report, counted nowhere.

    Attributes:
        links: Symbolic links; what they point to is counted under its own name where it lies in a source.
        special: Sockets, pipes and devices.
        closed_folders: Folders that could not be opened.
    """

    links: int = 0
    special: int = 0
    closed_folders: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


def resolve_sources(sources: list[Path]) -> list[Path]:
    """The sources as real absolute paths, without those that lie inside another.

    Raises:
        InputError: None was given, or one is neither a folder nor a file.
    """
    if not sources:
        raise InputError("No source was given.", todo="Name a folder, a zip file or a DICOMDIR.")
    roots = []
    for source in sources:
        real = Path(source).expanduser().resolve()
        if not (real.is_dir() or real.is_file()):
            raise InputError("This source is neither a folder nor a file.", where=source, todo="Check the path.")
        roots.append(real)
    roots = sorted(set(roots))
    return [root for root in roots if not any(other in root.parents for other in roots)]


def walk(root: Path, skipped: Skipped) -> Iterator[FoundFile]:
    """Every regular file under ``root`` (or ``root`` itself), depth first; links are counted and not followed.

    Args:
        root: A real absolute path.
        skipped: Is told what was passed over.
    """
    if not root.is_dir():
        status = root.stat()
        yield FoundFile(str(root), status.st_size, status.st_mtime_ns)
        return
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            entries = os.scandir(folder)
        except OSError:
            skipped.closed_folders += 1
            continue
        with entries:
            for entry in entries:
                if entry.is_symlink():
                    skipped.links += 1
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        skipped.special += 1
                        continue
                    if stat.S_ISREG(status.st_mode):
                        yield FoundFile(entry.path, status.st_size, status.st_mtime_ns)
                    else:
                        skipped.special += 1
