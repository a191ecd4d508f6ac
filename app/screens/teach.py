"""Teach (fine-tune): bring labels, choose an encoder, teach it, read how well it does on patients set aside."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import streamlit as st

from app.cohort_view import choose_cohort, label_versions, labels, manifest, open_cohort
from app.components.classifier_result import classifier_result
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.label_upload import label_upload
from app.runs_view import open_run, runs_of
from app.surroundings import queue
from app.wording import count, when, zone_of

VIEWS = ["1. Labels", "2. Teach", "3. Results"]
FEW = 20


def body() -> None:
    """Draw the three views."""
    show_request_error()
    cohort = choose_cohort()
    if cohort is None:
        empty("No images yet: labels belong to pictures, so add images first.")
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
        return
    first = VIEWS[2] if runs_of("finetune") else VIEWS[1] if label_versions(cohort) else VIEWS[0]
    view = st.segmented_control(
        "View", VIEWS, default=first, key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    if view == VIEWS[0]:
        bring_labels(cohort)
    elif view == VIEWS[1]:
        teach(cohort)
    else:
        results()


def bring_labels(cohort: str) -> None:
    """The labels that are there, and a table to bring new ones."""
    job = job_of_page("label")
    if job:
        job_card(job)
    if label_versions(cohort):
        show_labels(cohort)
        st.markdown("##### Bring a new table")
        st.caption("Published labels never change; a new table makes a new version.")
    elif not job:
        empty("No labels yet. 50 patients per answer is a sensible start; more helps less and less.")
    label_upload(cohort)


def show_labels(cohort: str) -> None:
    """The latest labels: classes by development and test patients."""
    joined, opened = labels(cohort), open_cohort(cohort)
    patients = manifest(cohort).set_index("scan_id")["patient_key"]
    st.markdown(f"##### Labels {escape(joined.version)}: {', '.join(escape(name) for name in joined.classes)}")
    rows: dict[str, dict[str, str]] = {}
    few = []
    for title, scans in (
        ("To teach with", opened.development(joined)),
        ("Set aside for the test", opened.test(joined)),
    ):
        table = joined.table[joined.table["scan_id"].isin(set(scans))]
        for name in joined.classes:
            has = table[table[name] == 1] if joined.task == "multilabel" else table[table["label"] == name]
            people = patients.reindex(has["scan_id"]).nunique()
            rows.setdefault(escape(name), {})[title] = f"{count(people, 'patients')}, {count(len(has), 'pictures')}"
            if title.startswith("Set") and people < FEW:
                few.append(name)
    st.table(
        rows and {title: {name: cells[title] for name, cells in rows.items()} for title in next(iter(rows.values()))}
    )
    if few:
        st.warning(
            f"Fewer than {FEW} patients set aside have: {', '.join(escape(name) for name in few)}. Any number about "
            "these will be very uncertain.",
            icon=":material/warning:",
        )


def teach(cohort: str) -> None:
    """Choose an encoder and how to use it; start; the job."""
    job = job_of_page("finetune")
    if job:
        job_card(job)
        if queue().state(job).state == "finished":
            st.success("Taught. *3. Results* shows how well it does.", icon=":material/check_circle:")
        st.markdown("##### Teach another")
    if not label_versions(cohort):
        empty("This collection has no labels yet. Bring a table under *1. Labels*.")
        return
    settings = form(cohort)
    st.button(
        "Start teaching",
        type="primary",
        icon=":material/play_arrow:",
        on_click=request_job,
        args=("finetune", settings),
    )
    engineer_details("finetune", settings)


def form(cohort: str) -> dict[str, Any]:
    """The settings of the verb ``finetune``, from the form."""
    encoders = {run.run_id: run for run in runs_of("pretrain") if run.has("encoder.json")}
    scratch = "scratch:resnet18"
    names = [*encoders, scratch]
    encoder = st.selectbox(
        "Start from (encoder)", names, width=420, key="encoder",
        format_func=lambda name: "From scratch, nothing learnt before (ResNet-18)" if name == scratch else name,
    )  # fmt: skip
    method = st.radio(
        "How",
        ["probe", "finetune"],
        format_func={"probe": "Quick (frozen encoder)", "finetune": "Full (fine-tune)"}.__getitem__,
        captions=["Seconds. What was learnt stays as it is.", "Minutes to hours. Adapts everything to your labels."],
        horizontal=True,
        index=1 if encoder == scratch else 0,
        key=f"how-{encoder == scratch}",
    )
    run = encoders.get(str(encoder))
    size = int(run.settings.get("size", 64)) if run else 64
    with st.expander("Advanced", icon=":material/tune:"):
        first, second, third = st.columns(3)
        size = int(first.number_input("Picture side, pixels", 32, 1024, size, step=16, key=f"size-{encoder}"))
        unit = second.selectbox("One answer per", ["scan", "exam", "patient"], key="unit")
        seed = int(third.number_input("Seed", 0, 10**9, 0, key="seed"))
    name = st.text_input("Name", value=f"{cohort[:30]}-{datetime.now():%m%d-%H%M}", max_chars=60, width=420)
    st.markdown(
        f"Predict **{escape(', '.join(labels(cohort).classes))}** in **{escape(cohort)}**, one answer per **{unit}**, "
        f"starting from **{escape(encoder)}**."
    )
    return {
        "cohort": cohort,
        "encoder": encoder,
        "method": method,
        "size": size,
        "unit": unit,
        "seed": seed,
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "classifier",
    }


def results() -> None:
    """One classifier's results."""
    runs = runs_of("finetune")
    if not runs:
        empty("No results yet. Teach an encoder under *2. Teach*.")
        return
    names = [run.run_id for run in runs]
    chosen = st.selectbox("Classifier", names, key="run", bind="query-params", width=420)
    run = runs[names.index(chosen)]
    st.caption(f"Begun {when(run.status.started, zone_of(st.context.timezone))}.")
    job = queue().of_run("finetune", run.run_id)
    if run.status.state != "finished":
        if job:
            job_card(job)
        else:
            st.warning(escape(run.status.message or f"This run is {run.status.state}."))
        return
    classifier_result(open_run(run.path))
    engineer_details("finetune", run.settings, run.path)


page(
    "Teach (fine-tune)",
    "Bring a small table of answers, teach an encoder with it, and see how well it does on patients set aside.",
    body,
)
