"""Asking for a job from a button: once per click, however often the click is repeated."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.roles import require
from app.signed_in import signed_in
from app.surroundings import queue
from workbench.config import digest_of
from workbench.errors import WorkbenchError
from workbench.runs.jobs import Job

SAME_CLICK_S = 10.0


def request_job(verb: str, settings: Mapping[str, Any], go_on: bool = False) -> None:
    """Submit a job and put it into the page's address; for use in a button's callback.

    The same settings again within ten seconds are taken for the same click. What goes wrong is kept for
    ``show_request_error``. ``go_on`` continues the run of that name.
    """
    digest = digest_of([verb, dict(settings)])
    nonce, moment = st.session_state.get(f"click:{digest}", ("", 0.0))
    if not nonce or time.time() - moment > SAME_CLICK_S:
        nonce = secrets.token_hex(8)
    st.session_state[f"click:{digest}"] = (nonce, time.time())
    st.session_state.pop("request_error", None)
    try:
        require("start")
        job = queue().submit(verb, settings, nonce=nonce, created_by=signed_in(), go_on=go_on)
    except WorkbenchError as error:
        st.session_state["request_error"] = error
        return
    st.query_params["job"] = job.id


def show_request_error() -> None:
    """Say what went wrong with the last request, once."""
    from app.components.frame import show_error

    error = st.session_state.pop("request_error", None)
    if error is not None:
        show_error(error)


def job_of_page(*verbs: str) -> Job | None:
    """The job that the page's address names, else the latest job of these verbs that has not ended."""
    jobs = queue()
    wanted = st.query_params.get("job", "")
    if wanted:
        try:
            job = jobs.get(wanted)
            if job.verb in verbs:
                return job
        except WorkbenchError:
            pass
    still_open = [job for job in jobs.open_jobs() if job.verb in verbs]
    return still_open[-1] if still_open else None
