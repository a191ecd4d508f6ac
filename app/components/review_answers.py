"""The answers beside a case under review: the reader's own first, then the model's, then the verdict."""

from __future__ import annotations

import time

import streamlit as st

from app.components.frame import escape
from app.signed_in import signed_in
from app.surroundings import workspace
from workbench.errors import WorkbenchError
from workbench.review.case_choice import STRATA
from workbench.review.queue import BAD_PICTURE, CANNOT_TELL, Queue
from workbench.review.reading import first_read, model_answer, verdict

KEYS = {CANNOT_TELL: "0", BAD_PICTURE: "x"}
LONGEST_S = 600.0


def answer_buttons(queue: Queue, scan: str) -> None:
    """One button per answer, with its key; the model's answer is hidden, unless the queue is not blind."""
    if not queue.blind:
        _model_said(queue, scan)
    for number, option in enumerate(queue.answers, start=1):
        st.button(
            option, key=f"first-{scan}-{number}", shortcut=KEYS.get(option, str(number)), width="stretch",
            on_click=_first, args=(queue, scan, option),
        )  # fmt: skip
    if queue.blind:
        st.caption("The model's answer is shown after yours.")


def verdict_buttons(queue: Queue, scan: str, first: str) -> None:
    """What the model said, and buttons to keep one's own answer or to change it."""
    said = model_answer(workspace(), queue, scan, who=signed_in())
    _model_said(queue, scan)
    st.markdown(f"You said **{escape(first)}**.")
    if said.label:
        st.caption(f"The label at hand: {escape(said.label)}.")
    st.button(
        f"Keep mine: {first}", key=f"keep-{scan}", shortcut="k", type="primary", width="stretch",
        on_click=_verdict, args=(queue, scan, first),
    )  # fmt: skip
    for number, option in enumerate(queue.answers, start=1):
        if option != first:
            st.button(
                f"Change to: {option}", key=f"change-{scan}-{number}", shortcut=KEYS.get(option, str(number)),
                width="stretch", on_click=_verdict, args=(queue, scan, option),
            )  # fmt: skip
    st.text_input("Note (no names)", key=f"review-note-{scan}", max_chars=500)


def _model_said(queue: Queue, scan: str) -> None:
    said = model_answer(workspace(), queue, scan, who=signed_in())
    st.markdown(f"The model said **{escape(said.answer)}** ({said.probability:.2f}).")
    st.caption(f"In the queue because: {STRATA[said.stratum]}.")


def _first(queue: Queue, scan: str, answer: str) -> None:
    began = float(st.session_state.get("review_began", time.time()))
    try:
        seconds = min(time.time() - began, LONGEST_S)
        first_read(workspace(), queue, scan, answer, who=signed_in(), seconds=seconds)
    except WorkbenchError as error:
        st.session_state["review_error"] = error
        return
    # The case stays before its reader until the verdict, after a reload, too.
    st.query_params["case"] = scan


def _verdict(queue: Queue, scan: str, final: str) -> None:
    note = str(st.session_state.get(f"review-note-{scan}", "")).strip()
    try:
        verdict(workspace(), queue, scan, final, who=signed_in(), note=note)
    except WorkbenchError as error:
        st.session_state["review_error"] = error
        return
    st.query_params.pop("case", None)
    st.toast(f"Saved: {final}", icon=":material/check:")
