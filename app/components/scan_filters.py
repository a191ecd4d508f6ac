"""Filters over a collection's pictures, kept in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.catalogue import Catalogue
from app.cohort_view import label_versions, labels
from app.components.frame import escape

if TYPE_CHECKING:
    import pandas as pd

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
    for name, (codes, values) in _columns(found).items():
        chosen = st.multiselect(COLUMNS[name], values, key=KEY + name, bind="query-params", placeholder="all")
        if not chosen:
            continue
        active.append((KEY + name, COLUMNS[name], tuple(chosen)))
        wanted = [values.index(value) for value in chosen]
        rows &= np.isin(codes, wanted) if codes.ndim == 1 else codes[:, wanted].any(axis=1)
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


def _columns(found: Catalogue) -> dict[str, tuple[NDArray[Any], list[str]]]:
    """Per filter, the number of its value in every row (or a table of hits), and the values."""
    import pandas as pd

    table = found.table
    columns: dict[str, tuple[NDArray[Any], list[str]]] = {}
    for name in COLUMNS:
        if name == "finding":
            codes, values = found.findings
        elif name == "label":
            codes, values = _labelled(found)
        else:
            texts = found.age_bands if name == "age" else table[name]
            numbers, unique = pd.factorize(texts.astype(object).where(texts.notna(), UNSTATED), sort=True)
            codes, values = np.asarray(numbers), [str(value) for value in unique]
        if (len(values) > 1 or codes.ndim == 2) and 0 < len(values) <= MOST:
            columns[name] = codes, values
    return columns


def _labelled(found: Catalogue) -> tuple[NDArray[Any], list[str]]:
    """The latest labels: the class of every row, or that it has none."""
    name = found.cohort.name
    if not label_versions(name):
        return np.zeros(len(found.table), np.int64), []
    known = labels(name)
    classes = [*known.classes, NONE]
    if known.task == "multilabel":
        rows = known.table.set_index("scan_id")[known.classes].reindex(found.table["scan_id"])
        hits = (rows == 1).to_numpy()
        return np.column_stack([hits, rows.isna().all(axis=1).to_numpy()]), classes
    given: pd.Series = known.table.set_index("scan_id")["label"].reindex(found.table["scan_id"])
    place = {value: number for number, value in enumerate(known.classes)}
    return np.array([place.get(value, len(place)) for value in given]), classes
