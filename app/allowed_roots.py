"""Which folders the app may look into: those under its roots, after every link has been followed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import InputError

FORBIDDEN = (Path("/proc"), Path("/sys"), Path("/dev"))
LISTED = 200


def resolve(text: str, roots: Sequence[Path]) -> Path:
    """The folder or file that a typed path means, if it lies under one of the roots.

    Links are followed first, so a link inside a root that leads out of it is refused.

    Args:
        text: As typed: absolute, with ``~``, or relative to one of the roots.
        roots: Resolved folders.

    Raises:
        InputError: The path is empty, absent, not readable, or lies elsewhere.
    """
    typed = text.strip().strip("\"'")
    if not typed:
        raise InputError("No folder was named.", todo="Choose one from the list, or type its path.")
    if typed.startswith(("\\\\", "//")) or "\x00" in typed:
        raise InputError(
            "Network addresses cannot be used.", todo="Mount the share as a folder of this computer first."
        )
    path = _home(Path(typed))
    candidates = [path] if path.is_absolute() else [root / path for root in roots]
    resolved = next((found for found in map(_strict, candidates) if found is not None), None)
    if resolved is None or not allowed(resolved, roots):
        names = ", ".join(str(root) for root in roots)
        raise InputError(
            "This folder is not there, or lies outside the folders that the app may show.",
            todo=f"Choose one under {names}; whoever starts the app sets these with roots=[...].",
        )
    if not os.access(resolved, os.R_OK | (os.X_OK if resolved.is_dir() else 0)):
        raise InputError(
            f"We cannot open '{relative_name(resolved, roots)}': the program's user has no permission to read it.",
            todo="Ask whoever looks after this computer to allow reading.",
        )
    return resolved


def allowed(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a resolved path lies under a root and is no system folder."""
    if any(path.is_relative_to(place) for place in FORBIDDEN):
        return False
    return any(path.is_relative_to(root) for root in roots)


def relative_name(path: Path, roots: Sequence[Path]) -> str:
    """The path below its root, with the root's own name in front; nothing of what lies above the root."""
    below = [root for root in roots if path.is_relative_to(root)]
    if not below:
        return path.name
    root = max(below, key=lambda root: len(root.parts))
    inside = path.relative_to(root)
    return root.name if inside == Path() else f"{root.name}/{inside}"


def folders_in(folder: Path, roots: Sequence[Path]) -> list[Path]:
    """The folders directly inside one, sorted by name, hidden ones and those that lead out of the roots left out."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not _is_folder(entry):
                    continue
                target = _strict(Path(entry.path))
                if target is not None and allowed(target, roots):
                    found.append(Path(entry.path))
                if len(found) >= LISTED:
                    break
    except OSError:
        return []
    return sorted(found, key=lambda path: path.name.lower())


def _strict(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        return path
