"""Jobs: what is at work, what waits, what has ended."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.components.engineer_details import engineer_details
from app.components.frame import empty, guarded, page
from app.components.job_card import job_card, job_title, result_sentences
from app.components.job_request import show_request_error
from app.surroundings import queue, workspace
from app.wording import STATES, VERBS, when, zone_of
from workbench.runs.worker import worker_alive


def body() -> None:
    """Open jobs as cards, ended ones as a table."""
    show_request_error()
    jobs = queue()
    if not worker_alive(workspace()):
        st.warning(
            "No worker is running: jobs that wait will not start. What to do: start the app with `workbench app`, or a "
            "worker with `workbench worker`.",
            icon=":material/warning:",
        )
    chosen = st.query_params.get("job", "")
    everything = [(job, jobs.state(job)) for job in jobs.jobs(limit=100)]
    opened = [job for job, state in everything if not state.ended]
    named = [job for job, state in everything if state.ended and job.id == chosen]
    for job in [*reversed(opened), *named]:
        job_card(job)
    ended = [(job, state) for job, state in everything if state.ended]
    if not everything:
        empty("No jobs yet. Reading, learning, teaching and studies appear here while they work.")
    elif ended:
        st.markdown("##### Ended")
        zone = zone_of(st.context.timezone)
        table = pd.DataFrame(
            {
                "What": VERBS.get(job.verb, job.verb),
                "Name": job_title(job),
                "How it ended": STATES[state.state],
                "Asked for": when(job.created, zone),
                "Message": " ".join(result_sentences(job, 1)) if state.state == "finished" else state.message,
                "Job": job.id,
            }
            for job, state in ended
        )
        picked = st.dataframe(
            table,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            alt="Jobs that have ended",
            key="ended",
        )
        rows = picked["selection"]["rows"]
        if rows:
            job_card(ended[rows[0]][0])
        else:
            st.caption("Select a row to see its details.")
    if not opened:
        engineer_details("worker", {})


page("Jobs", "What the computer is working on, what waits its turn, and how earlier work ended.", guarded(body))
