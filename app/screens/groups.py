"""Does it work for everyone?: start an audit by groups of patients, read it, and say that it was read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page, show_error
from app.components.group_chart import errors_chart, errors_words, quality_chart, quality_words, row_label
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.group_answer import GroupAnswer, attribute_words, read_groups, tested_words
from app.runs_view import RunView, open_run, runs_of
from app.signed_in import signed_in
from app.surroundings import queue, workspace
from app.wording import when, zone_of
from workbench.errors import WorkbenchError
from workbench.review.acknowledgement import acknowledge, latest_audit
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel, models

VIEWS = ["Read it", "Start an audit"]
KINDS = {"finetune": "classifier", "study": "study"}


def body() -> None:
    """Draw the chosen view."""
    show_request_error()
    problem = st.session_state.pop("groups_error", None)
    if problem is not None:
        show_error(problem)
    finished = [run for run in runs_of("audit") if run.has("audit.json")]
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0 if finished else 1], key="view", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == VIEWS[1]:
        start()
    elif not finished:
        empty("No audit yet. Under *Start an audit* you choose whose answers to look at; it takes minutes.")
        engineer_details("audit", {"source": "RUN"})
    else:
        choose(finished)


def choose(finished: list[RunView]) -> None:
    """Which audit to read."""
    names = [run.run_id for run in finished]
    chosen = st.selectbox("Audit", names, key="run", bind="query-params", width=420)
    run = finished[names.index(chosen)]
    st.caption(
        f"Of {escape(run.settings.get('source', '?'))}; finished "
        f"{when(run.status.ended or run.status.started, zone_of(st.context.timezone))}."
    )
    read(run)


def read(run: RunView) -> None:
    """What is missing, the verdict, one attribute at a time, the rest, and *I have read this*."""
    answer = read_groups(run)
    with st.container(border=True):
        st.markdown(f"#### {escape(answer.verdict)}")
        st.markdown(f"{escape(answer.question)} {tested_words(answer)}")
    with st.container(border=True):
        st.markdown("##### What is not recorded")
        for sentence in answer.missing:
            st.markdown(f"- {escape(sentence)}")
        for name, reason in answer.skipped.items():
            st.markdown(f"- {escape(attribute_words(name))} was left out: {escape(reason)}.".replace("..", "."))
        if not answer.missing and not answer.skipped:
            st.caption("Nothing.")
    for warning in answer.warnings:
        st.warning(escape(warning), icon=":material/warning:")
    if answer.attributes:
        by = st.segmented_control(
            "By", answer.attributes, default=answer.attributes[0], key="by", bind="query-params", required=True,
            format_func=attribute_words,
        )  # fmt: skip
        attribute(answer, str(by))
    what_it_means()
    have_read(run)
    reports(run)
    engineer_details("audit", run.settings, run.path)


def attribute(answer: GroupAnswer, name: str) -> None:
    """Both charts and the table of one attribute."""
    table = answer.of(name)
    labels = [row_label(str(row.group), int(row.patients), int(row.positive)) for row in _rows(table)]
    table = table.assign(label=labels)
    st.markdown(escape(answer.sentences[name]))
    if table["auc"].notna().any():
        overall = answer.overall["auc"][0]
        st.markdown("##### Does it rank equally well?")
        st.altair_chart(quality_chart(table, overall), alt=quality_words(table, overall), key=f"quality-{name}")
    else:
        empty("Every group is too small to say anything: at least 10 patients with and 10 without the finding.")
    if table[["missed", "alarms"]].notna().any(axis=None):
        st.markdown("##### At the threshold: who is missed, who is wrongly flagged?")
        st.altair_chart(errors_chart(table), alt=errors_words(table), key=f"errors-{name}")
        st.caption("The same ranking quality can hide opposite errors: both are shown for every group.")
    st.markdown("##### Each group against all others")
    rows = [
        {
            "Group": escape(row.group),
            "Patients": f"{row.patients:,} ({row.positive:,} with it)",
            "Ranking quality (AUC)": _cell(row.auc, row.auc_low, row.auc_high, 1, 2),
            "AUC differs": escape(row.said_auc),
            "Missed of 100": _cell(row.missed, row.missed_low, row.missed_high, 100, 0),
            "Missed differs": escape(row.said_missed),
            "Wrongly flagged of 100": _cell(row.alarms, row.alarms_low, row.alarms_high, 100, 0),
            "Flagged differs": escape(row.said_alarms),
        }
        for row in _rows(table)
    ]
    st.table(rows, border="horizontal")
    st.caption("95 % intervals in brackets. Differences are corrected for looking at many groups (Holm).")


def what_it_means() -> None:
    """The wordings, and what they do not say."""
    with st.expander("What does this mean?", icon=":material/help:"):
        st.markdown(
            "- **clear difference**: it remains after correcting for the number of groups that were looked at.\n"
            "- **possible difference**: its own 95 % interval leaves out zero, but the correction does not.\n"
            "- **no clear difference**: chance alone could make it. With few patients this is no proof of equality.\n"
            "- **too few to say**: under 30 patients with or without the finding (20 for missed and flagged).\n\n"
            "Groups that no column of your data names are not looked at; they can be the ones that matter."
        )


def have_read(run: RunView) -> None:
    """The button that says that a person has read it; recorded for good."""
    st.markdown("##### I have read this")
    model, current = _model_of(run)
    if model is None:
        st.caption(
            "This audit is of a study. Before a classifier is released, its own audit must be read: start one of it."
        )
        return
    if current is None:
        st.caption("There is a later audit of this classifier: read that one.")
        return
    if current.read is not None:
        st.success(
            f"Read by {escape(current.read.who)} on {escape(current.read.at[:10])}. Recorded for good.",
            icon=":material/done_all:",
        )
        st.page_link("screens/review.py", label="Next: review cases yourself", icon=":material/arrow_forward:")
        return
    st.caption(f"Needed before {escape(model.run_id)} can be approved or exported. Your name and the time are kept.")
    st.button(
        f"I have read this ({signed_in()})", type="primary", icon=":material/done_all:", on_click=_acknowledge,
        args=(model,),
    )  # fmt: skip


def reports(run: RunView) -> None:
    """The files to take along."""
    files = sorted(run.path.glob("*.html"))
    if run.has("labels_to_check.csv"):
        files.append(run.path / "labels_to_check.csv")
    for column, file in zip(st.columns(4), files, strict=False):
        download(
            column, "Whole audit (HTML)" if file.suffix == ".html" else "Labels to check (CSV)", file.read_bytes(),
            file_name=f"{run.run_id}-{file.name}", key=f"get-{file.name}", icon=":material/download:",
            width="stretch", on_click="ignore",
        )  # fmt: skip


def start() -> None:
    """Whose answers to look at; start; the job."""
    job = job_of_page("audit")
    if job:
        job_card(job)
        if queue().state(job).state == "finished":
            st.button("Start another", on_click=st.query_params.clear, icon=":material/add:")
            read(open_run(queue().folder(job)))
            return
    known = [model.run_id for model in models(workspace()) if model.kind == CLASSIFIER]
    choices = [("finetune", name) for name in reversed(known)]
    choices += [("study", run.run_id) for run in runs_of("study") if run.has("summary.json")]
    if not choices:
        empty("Nothing to audit yet. Teach a classifier first; then this page asks whether it works for everyone.")
        st.page_link("screens/teach.py", label="Teach", icon=":material/arrow_forward:")
        return
    kind, source = st.selectbox(
        "Whose answers",
        choices,
        key="source",
        width=420,
        format_func=lambda chosen: f"{chosen[1]} ({KINDS[chosen[0]]})",
    )
    st.caption("By sex, age, maker, scanner, site, view, and the columns that came with your labels, where recorded.")
    settings: dict[str, Any] = {"source": source, "name": _name(source)}
    with st.expander("Advanced", icon=":material/tune:"):
        specificity = st.slider(
            "Healthy patients that should not be flagged, of 100", 50, 99, 90, key="specificity",
            help="It sets the threshold at which missed disease and false alarms are counted.",
        )  # fmt: skip
        if st.checkbox("Also sex by age", key="cross"):
            settings["cross"] = ["sex*age"]
    if specificity != 90:
        settings["specificity"] = specificity / 100
    st.button(
        "Start the audit", type="primary", icon=":material/play_arrow:", on_click=request_job, args=("audit", settings)
    )
    engineer_details("audit", settings)


def _name(source: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', source)[:40]}-{datetime.now():%m%d-%H%M}"


def _model_of(run: RunView) -> tuple[ReviewedModel | None, Any]:
    """The classifier that the audit is of, and the audit if it is that classifier's latest."""
    for model in models(workspace()):
        if model.kind == CLASSIFIER and model.run_id == run.settings.get("source"):
            audit = latest_audit(workspace(), model)
            return model, audit if audit is not None and audit.folder.name == run.run_id else None
    return None, None


def _acknowledge(model: ReviewedModel) -> None:
    try:
        acknowledge(workspace(), model, who=signed_in())
    except WorkbenchError as error:
        st.session_state["groups_error"] = error


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def _cell(value: float, low: float, high: float, times: float, digits: int) -> str:
    if pd.isna(value):
        return "too few to say"
    if pd.isna(low) or pd.isna(high):
        return f"{times * value:.{digits}f}"
    return f"{times * value:.{digits}f} ({times * low:.{digits}f} to {times * high:.{digits}f})"


page(
    "Does it work for everyone?",
    "See for which groups of patients the answers are better or worse, before anybody relies on them.",
    body,
)
