"""Cohorts: a manifest of scans under keyed pseudonyms, labels, a frozen split, and the guard against leaks.

``Cohort.open(folder)`` reads one; ``workbench index`` makes one. Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "Cohort": "workbench.cohort.cohort",
    "Labels": "workbench.cohort.labels",
    "Split": "workbench.cohort.split",
    "SiteKey": "workbench.cohort.keys",
    "PoolKeys": "workbench.cohort.leaks",
    "overlap": "workbench.cohort.leaks",
}
__all__ = ["Cohort", "Labels", "PoolKeys", "SiteKey", "Split", "overlap"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'workbench.cohort' has no attribute '{name}'")
