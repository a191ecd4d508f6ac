"""How a fault of the program itself is told and written down: without what it read from medical files.

The texts of errors that parsers and codecs raise quote the values on which they stumbled, a patient's name perhaps. Of
those only the kind is told, and where it happened in the program.
"""

from __future__ import annotations

import traceback

from workbench.errors import WorkbenchError

READERS = ("pydicom", "pynetdicom", "highdicom", "dicomweb_client", "dicomsdl", "gdcm", "pylibjpeg", "workbench.dicom")
"""Modules whose errors quote what they read."""


def told(error: BaseException) -> str:
    """An error in one line: a user's error as it stands, any other with its kind before its text, if that is safe."""
    if isinstance(error, WorkbenchError):
        return str(error)
    kind = type(error).__name__
    text = str(error).splitlines()
    return kind if not text or _quotes_files(error) else f"{kind}: {text[0]}"


def trace(error: BaseException) -> str:
    """Where an error came from, frame by frame, and what led to it, told as ``told`` does."""
    parts = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(_remote(current) or "".join(traceback.format_tb(current.__traceback__)) + told(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\nled to:\n\n".join(reversed(parts)) + "\n"


def _remote(error: BaseException | None) -> str:
    """What another process wrote of its error, which travels as text: its frames without the error's own words."""
    if type(error).__name__ not in ("_RemoteTraceback", "RemoteTraceback"):
        return ""
    return "\n".join(line for line in str(error).splitlines() if line.startswith("  "))


def _quotes_files(error: BaseException) -> bool:
    away = _remote(error.__cause__)
    if any(f"/{reader.replace('.', '/')}/" in away for reader in READERS):
        return True
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if any(module == reader or module.startswith(f"{reader}.") for reader in READERS):
            return True
    return False
