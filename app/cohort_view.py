"""A cohort as the pages read it: manifest, intake figures, labels; read again when its files change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.surroundings import workspace
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels, versions

if TYPE_CHECKING:
    import pandas as pd


def cohorts() -> list[str]:
    """Names of the cohorts."""
    return workspace().cohorts()


def open_cohort(name: str) -> Cohort:
    """A cohort by name.

    Raises:
        InputError: There is none.
    """
    return Cohort.open(workspace().cohort_dir(name))


def manifest(name: str) -> pd.DataFrame:
    """The cohort's manifest; treat it as read-only."""
    file = workspace().cohort_dir(name) / "manifest.parquet"
    return _manifest(str(file), file.stat().st_mtime_ns)


def intake(name: str) -> dict[str, Any] | None:
    """The figures of the cohort's index, or None where there are none."""
    file = workspace().cohort_dir(name) / "intake.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def label_versions(name: str) -> list[str]:
    """The published labels, the latest last."""
    return versions(workspace().cohort_dir(name))


def labels(name: str, version: str | None = None) -> Labels:
    """A version of the labels; the latest when none is named."""
    return Labels.read(workspace().cohort_dir(name), version)


def stores(name: str) -> list[Path]:
    """Folders of the cohort's stores."""
    return sorted(workspace().stores_dir.glob(f"{name}-*"))


def choose_cohort(key: str = "cohort") -> str | None:
    """A box to choose a cohort, kept in the page's address; None where there is no cohort yet."""
    names = cohorts()
    if not names:
        return None
    return st.selectbox("Image collection (cohort)", names, key=key, bind="query-params", width=320)


@st.cache_data(max_entries=8, show_spinner=False)
def _manifest(file: str, changed: int) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(file)
