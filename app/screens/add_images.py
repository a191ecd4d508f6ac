"""Add images: point at a folder, read it into a cohort, see what came in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import streamlit as st

from app.allowed_roots import relative_name
from app.cohort_view import choose_cohort, cohorts, intake
from app.components.engineer_details import engineer_details
from app.components.folder_picker import folder_picker
from app.components.frame import empty, escape, page, show_error
from app.components.intake_figures import intake_figures
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.folder_sample import FolderSample, look_inside
from app.surroundings import queue, roots
from workbench.errors import WorkbenchError

VIEWS = ["Bring in", "What came in"]


def body() -> None:
    """Draw the two views."""
    show_request_error()
    first = VIEWS[1] if cohorts() else VIEWS[0]
    view = st.segmented_control(
        "View", VIEWS, default=first, key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    if view == VIEWS[0]:
        bring_in()
        return
    cohort = choose_cohort()
    if cohort is None:
        empty(
            "No images yet. Point us at a folder that holds DICOM files. We read; we never change or move your files."
        )
        return
    numbers = intake(cohort)
    if numbers is None:
        empty("This collection has no figures yet: it is still being read.")
    else:
        intake_figures(cohort, numbers)
        st.page_link("screens/look.py", label="Look at the pictures", icon=":material/visibility:")
        engineer_details("index", {"cohort": cohort, "sources": ["FOLDER"]})


def bring_in() -> None:
    """Folder, look inside, name, start; and the job."""
    job = job_of_page("index")
    if job and not queue().state(job).ended:
        job_card(job)
        return
    if job:
        job_card(job)
        if queue().state(job).state == "finished":
            st.success("The images are in. *What came in* above shows the figures.", icon=":material/check_circle:")
    try:
        folder = folder_picker()
    except WorkbenchError as error:
        show_error(error)
        return
    if folder is None:
        return
    name = relative_name(folder, roots())
    st.button("Look inside", icon=":material/search:", on_click=_look, args=(folder,))
    sample: FolderSample | None = st.session_state.get(f"sample-{folder}")
    if sample:
        show = st.success if sample.promising else st.warning
        show(f"**{escape(name)}** " + " ".join(escape(line) for line in sample.sentences()))
    left, right = st.columns(2)
    cohort = left.text_input("Name of the collection (cohort)", value=suggested_name(folder), max_chars=64)
    site = right.text_input("Hospital or site (optional)", help="A name for the place that these files come from.")
    with st.expander("More choices"):
        share = st.slider(
            "Patients to set aside for testing", 5, 50, 25, step=5, format="%d %%",
            help="Drawn by patient, for good, before anybody labels. A growing collection never moves a patient.",
        )  # fmt: skip
    settings: dict[str, Any] = {"sources": [str(folder)], "cohort": cohort.strip()}
    if site.strip():
        settings["site"] = site.strip()
    if share != 25:
        settings["test_share"] = share / 100
    if cohort.strip() in cohorts():
        settings.pop("test_share", None)
        st.caption(f"**{escape(cohort.strip())}** is there already; new files will be added to it.")
    st.button(
        "Start reading", type="primary", icon=":material/play_arrow:", on_click=request_job, args=("index", settings),
        disabled=not cohort.strip(),
    )  # fmt: skip
    st.caption("We read; we never change or move your files. Names and dates of birth are not kept.")
    engineer_details("index", settings)


def suggested_name(folder: Path) -> str:
    """A name for the cohort, from the folder's."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._").lower()
    return plain[:64] or "images"


def _look(folder: Path) -> None:
    st.session_state[f"sample-{folder}"] = look_inside(folder)


page(
    "Add images (cohort intake)",
    "Bring a folder of scans in, and see what could be used and what not.",
    body,
)
