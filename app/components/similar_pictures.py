"""Pictures like a given one: what asks for them, what makes them findable, and the list with its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from app.catalogue import Catalogue
from app.components.frame import empty, escape
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.scan_facts import caption
from app.components.scan_grid import Tile, scan_grid
from app.frames.routes import thumbnail_address
from app.runs_view import runs_of
from app.signed_in import signed_in
from app.similar import described_by, has_features, similar
from app.surroundings import queue

ADDRESS = "like"
MOST = 24
PIXELS = "pixels"


def similar_asked(found: Catalogue) -> str:
    """The scan whose like is asked for in the page's address, or ''."""
    scan = st.query_params.get(ADDRESS, "")
    return scan if scan and found.has(scan) and described_by(found.cohort.name) else ""


def ask_similar(found: Catalogue, scan: str) -> None:
    """A button that asks for pictures like this one; where nothing describes them yet, what to start."""
    run = described_by(found.cohort.name)
    if run is None:
        _make_findable(found.cohort.name)
    elif has_features(found, run, scan):
        st.button("Find similar", icon=":material/image_search:", on_click=_set, args=(scan,))
    else:
        st.caption("No similar pictures: this one was left out when the pictures were described.")


def similar_list(found: Catalogue, like: str, scan: str, among: NDArray[np.bool_], on_choose: Any) -> pd.DataFrame:
    """The pictures most like one, with their scores; returns their rows of the catalogue's table, in this order."""
    run = described_by(found.cohort.name)
    assert run is not None
    st.button("Back to the list", icon=":material/arrow_back:", on_click=_set, args=("",))
    every = st.toggle("Several pictures of one patient", key="several", bind="query-params")
    near = similar(found, run, like, among=among, most=MOST, one_per_patient=not every)
    encoder = "the pixels themselves" if near.encoder == PIXELS else escape(near.encoder)
    st.caption(
        f"Most like {escape(caption(found.row(like)))}, by {encoder}. 100 is the same, 0 is nothing in common "
        "(cosine similarity)."
    )
    shown = found.table.iloc[near.rows]
    if not len(shown):
        empty("Nothing to compare with. Clear the filters, or allow several pictures of one patient.")
        return shown
    user, cohort = signed_in(), found.cohort.name
    rows: list[Any] = shown.to_dict("records")
    tiles = [
        Tile(
            scan=row["scan_id"],
            url=thumbnail_address(user=user, cohort=cohort, scan=row["scan_id"]),
            caption=f"{score:.0f} · {caption(row)}",
        )
        for row, score in zip(rows, near.scores, strict=True)
    ]
    scan_grid(tiles, chosen=scan, on_choose=on_choose, name=f"Pictures like {caption(found.row(like))}")
    return shown


def _make_findable(cohort: str) -> None:
    show_request_error()
    with st.expander("Find similar pictures", icon=":material/image_search:"):
        job = job_of_page("embed")
        if job and not queue().state(job).ended:
            job_card(job)
            return
        st.markdown(
            "An encoder has to describe all pictures of this collection once. Then any of them can be compared."
        )
        encoders = [
            run.run_id
            for run in runs_of("pretrain")
            if run.has("encoder.json") and run.settings.get("cohort") == cohort
        ]
        chosen = st.selectbox(
            "What describes them (encoder)", [*encoders, PIXELS], key="describe",
            format_func=lambda name: "the pixels themselves, made small" if name == PIXELS else name,
        )  # fmt: skip
        st.button(
            "Describe the pictures", icon=":material/play_arrow:", on_click=request_job,
            args=("embed", {"cohort": cohort, "encoder": chosen}),
        )  # fmt: skip


def _set(scan: str) -> None:
    if scan:
        st.query_params[ADDRESS] = scan
    else:
        st.query_params.pop(ADDRESS, None)
