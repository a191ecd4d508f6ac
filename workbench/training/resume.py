"""Checkpoints, and going on from one so that nothing tells the run from an uninterrupted one.

No state of a random generator is kept. The order of the data is a function of the seed and the epoch, the
generators of a step are a function of the seed and the batch's number, and the checkpoint keeps the stream's place: a
run killed at any moment and resumed ends with the same bits, on the same machine with the same number of threads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder
from workbench.runs.status import write_text

OWN = "workbench"


def checkpoint_file(run_path: Path) -> Path:
    """Where a run's only checkpoint lies."""
    return run_path / "checkpoints" / "last.ckpt"


def save_checkpoint(trainer: Any, file: Path) -> None:
    """Write the checkpoint to a temporary name, then rename: a kill in between leaves the one before.

    Raises:
        OperationFailed: It cannot be written (a full disk, most often).
    """
    temporary = file.with_suffix(".tmp")
    try:
        if trainer.is_global_zero:
            file.parent.mkdir(parents=True, exist_ok=True)
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            temporary.replace(file)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        kept = "The one before it is kept." if file.exists() else ""
        raise OperationFailed(
            f"The checkpoint could not be written: {error}. {kept}".strip(),
            where=file,
            todo="Free some disk space, then resume the run.",
        ) from error


def read_checkpoint(file: Path) -> dict[str, Any]:
    """What this program keeps in a checkpoint besides Lightning's: place, identity, sums of the epoch, history.

    Raises:
        OperationFailed: The file cannot be read.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        return content[OWN]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise OperationFailed(
            f"The checkpoint cannot be read: {type(error).__name__}.",
            where=file,
            todo="Start the run anew, or from weights with init_from.",
        ) from error


def check_identity(saved: dict[str, Any], now: dict[str, Any], file: Path) -> None:
    """Refuse to go on with settings that would make another run.

    Raises:
        InputError: Something that decides the run's numbers differs; it is named.
    """
    different = [f"{name} was {saved.get(name)!r}, is {now[name]!r}" for name in now if saved.get(name) != now[name]]
    if different:
        raise InputError(
            f"The checkpoint belongs to another run: {'; '.join(different)}.",
            where=file,
            todo="Resume with the run's own settings, or start a new run with init_from.",
        )


def drop_events_after(run: RunFolder, step: int) -> None:
    """Take the lines of ``metrics.jsonl`` that lie beyond the checkpoint away; the resumed run writes them again."""
    events = run.events()
    kept = [event for event in events if event.get("step", 0) <= step]
    if len(kept) < len(events):
        write_text(run.path / "metrics.jsonl", "".join(json.dumps(event) + "\n" for event in kept))
