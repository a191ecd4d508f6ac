"""Outcome codes as the index speaks of them: used or refused, and the plain sentence for people."""

from __future__ import annotations

from workbench.dicom.outcomes import Outcome


def is_used(code: str) -> bool:
    """Whether a file with this code gave scans, or holds or names files that did."""
    found = _outcome(code)
    return bool(found is not None and found.used)


def sentence(code: str) -> str:
    """The plain sentence of a code."""
    found = _outcome(code)
    return found.sentence if found is not None else code


def _outcome(code: str) -> Outcome | None:
    try:
        return Outcome(code)
    except ValueError:
        return None
