"""A job's card: state, bar, rate, time left, and the buttons to stop or resume; it refreshes by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components.engineer_details import engineer_details
from app.components.frame import escape, guarded
from app.components.job_request import request_job
from app.journey import AT_WORK, next_step, steps
from app.runs_view import open_run
from app.surroundings import queue, workspace
from app.wording import ICONS, STATES, VERBS, about, count, rate, ready_near, unit, when, zone_of
from workbench.runs.jobs import Job, JobState, tail
from workbench.runs.worker import worker_alive

LIVE_S = 2.0
QUIET_S = 15.0
RESUMED_BY_ID = ("pretrain", "finetune")
RESUMED_BY_SETTINGS = ("index", "study", "sweep", "prepare", "demo")
SURE_SHARE = 0.02
SURE_S = 30.0


def job_card(job: Job, *, beside: Callable[[Path, JobState], None] | None = None) -> None:
    """Draw a job's card, live while the job is open.

    Args:
        job: The job.
        beside: Draws more from the run folder under the bar, and is refreshed with it.
    """
    opened = queue().state(job)
    live = not opened.ended

    @st.fragment(run_every=LIVE_S if opened.active else QUIET_S / 3 if live else None)
    @guarded
    def card() -> None:
        # the row that was read when the page was drawn may be of a job that still waited
        now = queue().get(job.id)
        state = queue().state(now)
        if live and (state.ended or state.active != opened.active):
            st.rerun()
        with st.container(border=True, key=f"job-{job.id}"):
            draw(now, state)
            if beside and state.status:
                beside(queue().folder(now), state)
            lines = tail(queue().output(now)) or tail(queue().folder(now) / "log.txt")
            engineer_details(job.verb, job.settings, _folder(now), job_id=job.id, lines=lines)

    card()


def draw(job: Job, state: JobState) -> None:
    """Title, bar, sentences and buttons of a job."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    title = f"{VERBS.get(job.verb, job.verb)}: {escape(job_title(job))}"
    left.markdown(f"##### {ICONS[state.state]} {STATES[state.state]} · {title}")
    with right:
        _buttons(job, state)
    status = state.status
    if state.state == "queued":
        ahead = f"{count(state.position, 'jobs')} before it." if state.position else "It is next."
        st.markdown(f"Waiting for its turn. {ahead}")
        if not worker_alive(workspace()):
            st.warning(
                "No worker is running, so nothing will start. What to do: start the app with `workbench app`, or "
                "start a worker with `workbench worker` in the same workspace.",
                icon=":material/warning:",
            )
        return
    if status and status.total and state.state != "finished":
        st.progress(min(1.0, status.step / status.total), text=progress_sentence(state))
    elif state.active:
        st.progress(0.0, text="Getting ready: loading programs and looking at the data.")
    if state.state == "finished":
        for sentence in result_sentences(job):
            st.markdown(escape(sentence))
        _what_next()
    elif state.message and state.state != "running":
        show = {"failed": st.error, "lost": st.warning}.get(state.state, st.markdown)
        show(escape(state.message))
    if state.state == "failed" and resumable(job):
        st.markdown("What was saved before the failure is kept.")


def _what_next() -> None:
    """The way to the next step of the journey."""
    step = next_step(steps())
    if step.state != AT_WORK:
        st.page_link(
            step.page, label=f"Next: {step.action}", icon=":material/arrow_forward:", query_params=dict(step.address)
        )


def result_sentences(job: Job, most: int = 12) -> list[str]:
    """What the verb said at its end, line by line, without the places where its files lie."""
    folder = queue().folder(job)
    if not (folder / "job_result.json").is_file():
        return []
    lines = str(open_run(folder).json("job_result.json").get("summary", "")).splitlines()
    places = (str(workspace().root), "Next: ", "Continue with: ")
    said = [line.strip() for line in lines if line.strip() and not any(place in line for place in places)]
    return said[:most]


def job_title(job: Job) -> str:
    """What the job is about: its run's name, or the cohort."""
    return job.run_id if job.own_run else str(job.settings.get("cohort") or job.run_id)


def progress_sentence(state: JobState) -> str:
    """How far, how fast, and when it will be done, in one line."""
    status = state.status
    assert status is not None  # noqa: S101 - the caller draws a bar only for a run with a status
    word = unit(status.unit)
    parts = [f"{status.step:,} of {status.total:,} {word}"]
    if "epoch" in status.numbers:
        parts[0] = f"Pass {status.numbers['epoch']} over the pictures".replace("/", " of ")
    if status.throughput:
        parts.append(rate(status.throughput, word))
    if state.active and status.time_left_s is not None:
        sure = status.total and status.step / status.total >= SURE_SHARE
        if sure or status.heartbeat - status.started > SURE_S:
            zone = zone_of(st.context.timezone)
            parts.append(f"{about(status.time_left_s)} left, ready near {ready_near(status.time_left_s, zone)}")
        else:
            parts.append("time left: being estimated")
    return " · ".join(parts)


def _buttons(job: Job, state: JobState) -> None:
    if state.state in ("starting", "running"):
        label = "Stop and keep" if job.verb == "pretrain" else "Stop"
        st.button(
            label, key=f"stop-{job.id}", icon=":material/stop_circle:", on_click=queue().request_stop, args=(job.id,)
        )
    elif state.state == "queued":
        st.button(
            "Take out", key=f"stop-{job.id}", icon=":material/close:", on_click=queue().request_stop, args=(job.id,)
        )
    elif state.state in ("stopped", "lost", "failed") and resumable(job):
        settings = {"resume": job.run_id} if job.verb in RESUMED_BY_ID else job.settings
        st.button(
            "Resume", key=f"resume-{job.id}", type="primary", icon=":material/play_arrow:",
            on_click=request_job, args=(job.verb, settings, True),
        )  # fmt: skip
    elif state.ended and state.status and state.status.ended:
        st.caption(f"Ended {when(state.status.ended, zone_of(st.context.timezone))}")


def resumable(job: Job) -> bool:
    """Whether the job can go on from where it ended, by its run's id or by being asked again with its settings."""
    if job.verb in RESUMED_BY_ID:
        return (queue().folder(job) / "settings.yaml").is_file()
    return job.verb in RESUMED_BY_SETTINGS


def _folder(job: Job) -> Path | None:
    folder = queue().folder(job)
    return folder if folder.is_dir() else None
