"""Why a scan could not be decoded: a code, and a few words that quote nothing of the file."""

from __future__ import annotations


class Changed(Exception):
    """The file is not the one that was indexed."""


def reason(error: Exception) -> tuple[str, str]:
    """Code and detail; of unforeseen errors the kind alone, for their text may quote the file."""
    if isinstance(error, Changed):
        return "changed", "the pixels differ from those that were indexed; run 'workbench index' again"
    code = getattr(error, "code", None)
    if code is not None and hasattr(error, "detail"):
        return str(getattr(code, "value", code)), str(getattr(error, "detail", "") or "")
    if isinstance(error, MemoryError):
        return "too_big", "needs more memory than there is"
    if isinstance(error, OSError):
        return "unreadable", error.strerror or type(error).__name__
    return "crashed", type(error).__name__
