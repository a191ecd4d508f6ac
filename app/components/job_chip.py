"""The chip in the sidebar: the job at work and when it will be done, on every page."""

from __future__ import annotations

import streamlit as st

from app.surroundings import queue
from app.wording import ICONS, STATES, VERBS, percent, ready_near, zone_of

EVERY_S = 5.0


@st.fragment(run_every=EVERY_S)
def job_chip() -> None:
    """Draw the chip; it refreshes by itself."""
    jobs = queue()
    at_work = [(job, jobs.state(job)) for job in jobs.open_jobs()]
    at_work = [(job, state) for job, state in at_work if not state.ended]
    if not at_work:
        st.caption("No job at work.")
        return
    job, state = next(((job, state) for job, state in at_work if state.active), at_work[0])
    words = [f"{ICONS[state.state]} {VERBS.get(job.verb, job.verb)}"]
    status = state.status
    if status and status.total:
        words.append(percent(status.step / status.total))
        if status.time_left_s is not None and status.step / status.total > 0.02:
            words.append(f"ready near {ready_near(status.time_left_s, zone_of(st.context.timezone))}")
    else:
        words.append(STATES[state.state].lower())
    st.markdown(" · ".join(words))
    if len(at_work) > 1:
        st.caption(f"{len(at_work) - 1} more waiting")
