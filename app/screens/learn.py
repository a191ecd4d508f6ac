"""Learn (pretrain): start learning without labels, watch it, stop it, go on, look at earlier runs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.cohort_view import choose_cohort, open_cohort
from app.components.engineer_details import engineer_details
from app.components.frame import empty, guarded, page
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.learning_curve import latest_meter, learning_curve
from app.components.run_pictures import run_pictures
from app.presets import ENCODERS, PRESETS, has_gpu, measured_rate, pretrain_settings, time_words
from app.runs_view import RunView, runs_of
from app.surroundings import queue
from app.wording import METHODS, STATES, when, zone_of

VIEWS = ["Start and watch", "Earlier runs"]


def body() -> None:
    """Draw the two views."""
    show_request_error()
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    if view == VIEWS[1]:
        earlier()
        return
    job = job_of_page("pretrain")
    if job:
        job_card(job, beside=learning_curve)
        if queue().state(job).ended:
            st.button("Start another", on_click=st.query_params.clear, icon=":material/add:")
            return
    guarded(start)(waiting=bool(job))


def start(*, waiting: bool) -> None:
    """The form."""
    cohort = choose_cohort()
    if cohort is None:
        empty(
            "No learning yet. This step needs no labels. It looks for patterns in your unlabelled pictures, so that "
            "later few labels go further. First add images."
        )
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
        return
    st.markdown("##### Start another" if waiting else "##### Start")
    pool = len(open_cohort(cohort).pool())
    names = [preset.name for preset in PRESETS]
    chosen = st.radio(
        "How long", names, index=0, horizontal=True, captions=[preset.sentence for preset in PRESETS], key="preset"
    )
    preset = PRESETS[names.index(chosen)]
    method = st.radio(
        "How it learns",
        list(METHODS),
        format_func=METHODS.__getitem__,
        horizontal=True,
        captions=["Tells pictures apart, however turned or lit.", "Guesses hidden parts of a picture."],
        key="method",
    )
    settings = _settings(cohort, method, preset.epochs)
    rate = measured_rate(method, settings["encoder"], settings["size"])
    st.caption(
        f"{pool:,} pictures to learn from; pictures of the patients set aside for testing are left out. "
        + time_words(settings["epochs"], pool, rate)
        + ("" if has_gpu() else " No GPU was found: large sizes and long runs are slow here.")
    )
    st.button(
        "Start learning",
        type="secondary" if waiting else "primary",
        icon=":material/play_arrow:",
        on_click=request_job,
        args=("pretrain", settings),
        disabled=pool == 0,
    )
    engineer_details("pretrain", settings)


def _settings(cohort: str, method: str, epochs: int) -> dict[str, Any]:
    with st.expander("Advanced", icon=":material/tune:"):
        first, second, third = st.columns(3)
        encoders = ENCODERS[method]
        encoder = first.selectbox(
            "Network (encoder)", list(encoders), format_func=encoders.__getitem__, key=f"encoder-{method}"
        )
        sizes = [32, 64, 96, 128, 224, 256, 384]
        size = second.selectbox("Picture side, pixels", sizes, index=sizes.index(224 if has_gpu() else 64), key="size")
        epochs = third.number_input("Passes over the pictures (epochs)", 1, 5000, epochs, key=f"epochs-{epochs}")
        batch = first.selectbox("Pictures per step (batch size)", [16, 32, 64, 128, 256, 512], index=3, key="batch")
        seed = second.number_input("Seed", 0, 10**9, 0, key="seed")
        name = third.text_input(
            "Name", value=f"{method}-{datetime.now():%m%d-%H%M}", max_chars=60, key=f"name-{method}"
        )
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or method
    return pretrain_settings(
        cohort=cohort, method=method, encoder=str(encoder), size=int(size), epochs=int(epochs), batch_size=int(batch),
        seed=int(seed), name=plain,
    )  # fmt: skip


def earlier() -> None:
    """All runs as a table, and one of them with its curve."""
    runs = runs_of("pretrain")
    if not runs:
        empty("No runs yet. Start one under *Start and watch*.")
        return
    zone = zone_of(st.context.timezone)
    table = pd.DataFrame(
        {
            "Name": run.run_id,
            "State": STATES[run.status.state],
            "How it learns": METHODS.get(str(run.settings.get("method")), "?"),
            "Collection": run.settings.get("cohort", "?"),
            "Network": run.settings.get("encoder", "?"),
            "Passes": f"{_passes(run)} of {run.settings.get('epochs', '?')}",
            "Useful (AUC)": latest_meter(run),
            "Begun": when(run.status.started, zone),
        }
        for run in runs
    )
    st.dataframe(table, hide_index=True, alt="Runs of learning without labels")
    names = [run.run_id for run in runs]
    chosen = st.selectbox("Look at", names, key="run", bind="query-params", width=420)
    show_run(runs[names.index(chosen)])


def show_run(run: RunView) -> None:
    """One run: state, curve, contact sheets, resume."""
    job = queue().of_run("pretrain", run.run_id)
    if job:
        job_card(job, beside=learning_curve)
    else:
        with st.container(border=True):
            st.markdown(f"##### {STATES[run.status.state]} · {run.run_id}")
            if run.status.message:
                st.text(run.status.message)
            learning_curve(run.path)
            if run.status.state in ("stopped", "lost", "failed"):
                st.button(
                    "Resume", type="primary", icon=":material/play_arrow:", on_click=request_job,
                    args=("pretrain", {"resume": run.run_id}),
                )  # fmt: skip
        engineer_details("pretrain", run.settings, run.path)
    run_pictures(run.path, "What it sees", "pictures/*.png", "*.png")


def _passes(run: RunView) -> int:
    events = run.events()
    return int(events[-1].get("epoch", 0)) if events else 0


page(
    "Learn (pretrain)",
    "Let the computer learn from your unlabelled pictures, so that later few labels go further.",
    body,
)
