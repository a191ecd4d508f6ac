"""Look (browse): find pictures by what is known of them, and look at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.catalogue import Catalogue, catalogue
from app.cohort_view import choose_cohort, cohorts, label_versions, labels
from app.components.engineer_details import command_line
from app.components.frame import empty, page
from app.components.scan_facts import caption, facts
from app.components.scan_filters import Chosen, clear_buttons, filters_set, scan_filters
from app.components.scan_grid import Tile, scan_grid
from app.components.similar_pictures import ask_similar, similar_asked, similar_list
from app.components.viewed_case import case_of
from app.components.viewer import viewer
from app.frames.routes import thumbnail_address
from app.signed_in import signed_in
from app.wording import count
from workbench.cohort.columns import UNUSABLE_FLAGS

SIZES = [24, 48, 96]


def body() -> None:
    """The grid with filters beside it; once a picture is picked, the viewer beside the grid."""
    if not cohorts():
        empty("No images yet. Add images first; then you can look at them here.")
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
    elif st.query_params.get("scan"):
        viewing()
    else:
        browsing()


def browsing() -> None:
    """Filters to the left, grid."""
    left, right = st.columns([1, 4], gap="medium")
    with left:
        found = collection()
        chosen = scan_filters(found)
    with right:
        listed(found, chosen, "")
    engineer(found, "")


def viewing() -> None:
    """Grid to the left, viewer; the filters are folded away."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        found = collection()
        number = filters_set()
        label = f"Filters ({number} set)" if number else "Filters"
        with st.popover(label, icon=":material/filter_alt:", key="filters", width=150):
            chosen = scan_filters(found)
        st.button("All pictures", icon=":material/grid_view:", on_click=choose, args=("",))
    scan = st.query_params["scan"]
    if not found.has(scan):
        st.warning("The picture in this page's address is not in this collection.", icon=":material/broken_image:")
        listed(found, chosen, "")
        engineer(found, "")
        return
    left, right = st.columns([1, 2], gap="small")
    with left:
        like = similar_asked(found)
        shown = similar_list(found, like, scan, chosen.rows, choose) if like else listed(found, chosen, scan)
    with right:
        look_at(found, scan, shown)
    engineer(found, scan)


def collection() -> Catalogue:
    """The chosen collection."""
    return catalogue(str(choose_cohort()))


def listed(found: Catalogue, chosen: Chosen, scan: str) -> pd.DataFrame:
    """The grid of what the filters leave, or what to clear; returns the stacks that are left."""
    shown = stacks_with(found, chosen.rows)
    if len(shown):
        grid(found, shown, scan)
    elif len(found.table):
        clear_buttons(chosen)
    else:
        empty("This collection holds no pictures: every file was kept aside. *Add images* shows why.")
    return shown


def stacks_with(found: Catalogue, rows: np.ndarray) -> pd.DataFrame:
    """The stacks that have a picture among some rows of the table."""
    if rows.all():
        return found.stacks
    return found.stacks[np.isin(found.stacks["stack"], found.table["stack"].to_numpy()[rows])]


def grid(found: Catalogue, shown: pd.DataFrame, scan: str) -> None:
    """One page of tiles, with the page's number and length in the address."""
    above = st.container()
    size = st.segmented_control(
        "Pictures per page", SIZES, default=SIZES[0], key="show", bind="query-params", required=True
    )
    with above:
        _tiles(found, shown, scan, int(size))


def _tiles(found: Catalogue, shown: pd.DataFrame, scan: str, size: int) -> None:
    pages = math.ceil(len(shown) / size)
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    stacks = "stacks and pictures" if (found.stacks["pictures"] > 1).any() else "pictures"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        number = st.pagination(pages, key="page", bind="query-params", max_visible_pages=4) if pages > 1 else 1
        st.caption(f"{len(shown):,} of {len(found.stacks):,} {stacks}")
    user, cohort = signed_in(), found.cohort.name
    part: list[Any] = shown.iloc[(number - 1) * size : number * size].to_dict("records")
    current = found.row(scan)["stack"] if scan else -1
    tiles = [
        Tile(
            scan=row["scan_id"],
            url=thumbnail_address(user=user, cohort=cohort, scan=row["scan_id"]),
            caption=caption(row),
            count=int(row["pictures"]),
            mark=mark_of(row["flags"]),
        )
        for row in part
    ]
    marked = next((row["scan_id"] for row in part if row["stack"] == current), "")
    scan_grid(tiles, chosen=marked, on_choose=choose, name=f"Pictures of {cohort}, page {number} of {pages}")


def mark_of(flags: object) -> str:
    """The finding that keeps a picture out of training, in words; the other findings are told beside the viewer."""
    return next((flag.replace("_", " ") for flag in str(flags or "").split(";") if flag in UNUSABLE_FLAGS), "")


def look_at(found: Catalogue, scan: str, shown: pd.DataFrame) -> None:
    """The viewer, its neighbours in the list, and what is known of the picture below it."""
    stack = found.stack_of(scan)
    row = found.row(scan)
    others = shown["scan_id"].tolist()
    here = next(iter(np.flatnonzero(shown["stack"] == row["stack"]).tolist()), None)
    following = None if here is None or here + 1 >= len(others) else case_of(found, others[here + 1])
    viewer(case_of(found, scan), ahead=following, on_neighbour=lambda by: turn(others, here, by), bring_up=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for words, icon, by in (("Previous", "arrow_back", -1), ("Next", "arrow_forward", 1)):
            possible = here is not None and 0 <= here + by < len(others)
            st.button(
                words, key=f"turn{by}", icon=f":material/{icon}:", disabled=not possible, on_click=turn,
                args=(others, here, by),
            )  # fmt: skip
        if here is not None:
            st.caption(f"{here + 1:,} of {len(others):,}")
    ask_similar(found, scan)
    with st.expander("What is known of this picture", icon=":material/info:"):
        st.table(facts(row, label_of(found, scan)), border="horizontal")
        st.caption(
            f"Keys stand for the identifiers in the files, which are kept nowhere. {count(len(stack), 'pictures')} in "
            "this stack."
        )


def label_of(found: Catalogue, scan: str) -> str:
    """The scan's label in the latest version, or ''."""
    if not label_versions(found.cohort.name):
        return ""
    known = labels(found.cohort.name)
    rows = known.table[known.table["scan_id"] == scan]
    if not len(rows):
        return "none"
    if known.task == "multilabel":
        return ", ".join(name for name in known.classes if rows.iloc[0][name] == 1) or "none of the findings"
    return str(rows.iloc[0]["label"])


def choose(scan: str) -> None:
    """Put a scan into the page's address; '' takes it out."""
    if scan:
        st.query_params["scan"] = scan
    else:
        st.query_params.pop("scan", None)
        st.query_params.pop("like", None)


def turn(listed: Sequence[str], here: int | None, by: int) -> None:
    """Go to the list's next or previous picture, and to the page that it is on."""
    if here is None or not 0 <= here + by < len(listed):
        return
    choose(listed[here + by])
    size = st.session_state.get("show") or SIZES[0]
    if len(listed) > size:
        st.session_state["page"] = (here + by) // size + 1


def engineer(found: Catalogue, scan: str) -> None:
    """The lines that do the same without the app."""
    with st.expander("Details for engineers", icon=":material/terminal:"):
        st.caption("The command that opens this page:")
        st.code(command_line("app", {}), language="bash", wrap_lines=True)
        if scan:
            row = found.row(scan)
            st.caption("This picture in Python, calibrated and in full depth:")
            st.code(
                "import workbench as wb\n"
                "from workbench.cohort.cohort import Cohort\n\n"
                f'cohort = Cohort.open("data_manifests/{found.cohort.name}")\n'
                f'frame = wb.dicom.read_frame(cohort.path_of("{row["path_key"]}"), frame={int(row["frame"])})',
                language="python",
            )


page(
    "Look (browse)",
    "Find pictures by what is known of them, and look at them. Nothing you do here changes anything.",
    body,
)
