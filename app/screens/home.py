"""Home: five steps with their live state, and the one next thing to do."""

from __future__ import annotations

import streamlit as st

from app.components.engineer_details import engineer_details
from app.components.frame import escape, page
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.journey import Step, next_step, steps

MARKS = {
    "done": ":material/check_circle:",
    "at work": ":material/play_circle:",
    "waiting for you": ":material/pan_tool:",
    "not started": ":material/radio_button_unchecked:",
}


def body() -> None:
    """Draw the checklist."""
    show_request_error()
    found = steps()
    following = next_step(found)
    for number, step in enumerate(found, start=1):
        _row(number, step, primary=step is following)
    if found[0].state == "waiting for you":
        with st.container(border=True):
            left, right = st.columns([4, 1.4], vertical_alignment="center")
            left.markdown(
                "**No scans at hand?** Try everything with made-up chest X-rays: about 1,200 phantom pictures, about "
                "6 minutes on two processor cores, no patient's data."
            )
            right.button(
                "Try sample data", icon=":material/science:", on_click=request_job, args=("demo", {}), width="stretch"
            )
    job = job_of_page("demo")
    if job:
        job_card(job)
    else:
        engineer_details("demo", {})


def _row(number: int, step: Step, *, primary: bool) -> None:
    with st.container(border=True):
        left, right = st.columns([4, 1.4], vertical_alignment="center")
        left.markdown(f"##### {MARKS[step.state]} {number}. {step.title}")
        left.caption(f"{step.state.capitalize()}. {escape(step.sentence)}")
        if step.parts:
            with left.container(horizontal=True):
                for part in step.parts:
                    mark = MARKS["done" if part.done else "not started"]
                    st.page_link(part.page, label=part.title + (" (done)" if part.done else ""), icon=mark)
        if primary:
            clicked = right.button(step.action, key=f"step-{number}", type="primary", width="stretch")
            if clicked:
                st.switch_page(step.page, query_params=dict(step.address))
        else:
            right.page_link(
                step.page,
                label=step.action,
                icon=":material/arrow_forward:",
                width="stretch",
                query_params=dict(step.address),
            )


page(
    "Home",
    "From unlabelled scans and a small table of labels to an answer that you can trust: how many labels you need, and "
    "whether learning from your own scans saved any.",
    body,
)
