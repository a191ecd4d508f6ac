"""One build of a store at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from workbench.runs.progress import Progress


@contextlib.contextmanager
def locked(folder: Path, progress: Progress) -> Iterator[None]:
    """One build at a time; the second waits and then finds the work done."""
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.log("Another process prepares this store; waiting for it.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
