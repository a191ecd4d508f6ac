"""Filters over a collection's pictures, kept in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.catalogue import Catalogue
from app.cohort_view import label_versions, labels
from app.components.frame import escape

COLUMNS = {
    "modality": "Kind",
    "body_part": "Body part",
    "view_position": "View",
    "laterality": "Side",
    "sex": "Sex",
    "age": "Age",
    "scanner": "Scanner",
    "site": "Site",
    "finding": "Finding",
    "label": "Label",
}
MOST = 60
"""A column with more values than these is no filter."""
UNSTATED = "not stated"
NONE = "none"
KEY = "only_"


class Coded(NamedTuple):
    """A column as a filter.

    Attributes:
        codes: The number of every row's value, ``(N,)``, or which of the values it has, ``(N, V)`` bool.
        values: The values.
    """

    codes: NDArray[Any]
    values: list[str]


@dataclass(frozen=True)
class Chosen:
    """What the filters leave.

    Attributes:
        rows: Which rows of the catalogue's table, ``(N,)`` bool.
        active: Key, name and values of each filter that is set.
    """

    rows: NDArray[np.bool_]
    active: tuple[tuple[str, str, tuple[str, ...]], ...]


def scan_filters(found: Catalogue) -> Chosen:
    """Draw the filters that this collection can have; those that would not part anything are left out."""
    rows, active = np.ones(len(found.table), bool), []
    for name, column in _columns(found).items():
        chosen = st.multiselect(COLUMNS[name], column.values, key=KEY + name, bind="query-params", placeholder="all")
        if not chosen:
            continue
        active.append((KEY + name, COLUMNS[name], tuple(chosen)))
        wanted = [column.values.index(value) for value in chosen]
        rows &= np.isin(column.codes, wanted) if column.codes.ndim == 1 else column.codes[:, wanted].any(axis=1)
    return Chosen(rows, tuple(active))


def filters_set() -> int:
    """How many filters are set, known before they are drawn."""
    return sum(bool(st.session_state.get(KEY + name) or st.query_params.get(KEY + name)) for name in COLUMNS)


def clear_buttons(chosen: Chosen) -> None:
    """Say that nothing is left, with a button for every filter that is set."""
    st.info("No picture matches. Clear one of these:", icon=":material/filter_alt_off:")
    with st.container(horizontal=True, gap="small"):
        for key, name, values in chosen.active:
            shown = ", ".join(escape(value) for value in values[:3]) + (" and others" if len(values) > 3 else "")
            st.button(f"{name}: {shown}", key=f"clear-{key}", icon=":material/close:", on_click=_clear, args=([key],))
        if len(chosen.active) > 1:
            keys = [key for key, _, _ in chosen.active]
            st.button("All filters", key="clear-all", icon=":material/close:", on_click=_clear, args=(keys,))


def _clear(keys: list[str]) -> None:
    for key in keys:
        st.session_state[key] = []


def _columns(found: Catalogue) -> dict[str, Coded]:
    versions = label_versions(found.cohort.name)
    columns = {**_facts(found), "label": _labelled(found, versions[-1])} if versions else _facts(found)
    return {
        name: columns[name]
        for name in COLUMNS
        if name in columns
        and 0 < len(columns[name].values) <= MOST
        and (len(columns[name].values) > 1 or columns[name].codes.ndim == 2)
    }


@lru_cache(maxsize=4)
def _facts(found: Catalogue) -> dict[str, Coded]:
    """What the manifest says, worked out once per state of the cohort."""
    import pandas as pd

    columns = {"finding": Coded(*found.findings)}
    for name in COLUMNS:
        if name in ("finding", "label"):
            continue
        texts = found.age_bands if name == "age" else found.table[name]
        numbers, unique = pd.factorize(texts.astype(object).where(texts.notna(), UNSTATED), sort=True)
        columns[name] = Coded(np.asarray(numbers), [str(value) for value in unique])
    return columns


@lru_cache(maxsize=4)
def _labelled(found: Catalogue, version: str) -> Coded:
    """The class of every row in a version of the labels, or that it has none."""
    known = labels(found.cohort.name, version)
    classes = [*known.classes, NONE]
    if known.task == "multilabel":
        rows = known.table.set_index("scan_id")[known.classes].reindex(found.table["scan_id"])
        hits = (rows == 1).to_numpy()
        return Coded(np.column_stack([hits, rows.isna().all(axis=1).to_numpy()]), classes)
    given = known.table.set_index("scan_id")["label"].reindex(found.table["scan_id"])
    place = {value: number for number, value in enumerate(known.classes)}
    return Coded(np.array([place.get(value, len(place)) for value in given]), classes)
