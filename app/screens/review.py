"""Review queue: read cases of a model without its answer, then see it, give a verdict; sign what was read."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.catalogue import catalogue
from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page, show_error
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.review_answers import answer_buttons, verdict_buttons
from app.components.viewed_case import case_of
from app.components.viewer import viewer
from app.roles import require
from app.signed_in import signed_in
from app.surroundings import workspace
from app.wording import count
from workbench.errors import WorkbenchError
from workbench.review import agreement, sign_off
from workbench.review.case_choice import STRATA
from workbench.review.queue import Queue, open_queue, queues
from workbench.review.reading import claim, reads, verdicts, waiting
from workbench.review.reviewed_model import CLASSIFIER, models
from workbench.runs.jobs import Job

VIEWS = ["Read", "Figures and signature", "Open a queue"]
SCANS = {
    "test": "Test patients with a label",
    "development": "Other patients with a label",
    "unlabelled": "Pictures without a label",
}
TITLES = {"uncertain": "Not sure", "disagree": "Not the label", "confident": "Sure", "random": "By chance"}


def body() -> None:
    """Draw the chosen view."""
    show_request_error()
    problem = st.session_state.pop("review_error", None)
    if problem is not None:
        show_error(problem)
    names = [str(record.content["queue"]) for record in reversed(queues(workspace()))]
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0 if names else 2], key="view", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == VIEWS[2]:
        open_new()
        return
    if not names:
        empty("Nothing waits for you. Under *Open a queue* you choose a model; 12 cases by chance are a good start.")
        return
    chosen = st.selectbox("Queue", names, key="queue", bind="query-params", width=420)
    queue = open_queue(workspace(), chosen)
    if view == VIEWS[0]:
        read(queue)
    else:
        figures(queue)


def read(queue: Queue) -> None:
    """The case that the address names, else the next one that nobody else has open."""
    mine = waiting(workspace(), queue, signed_in())
    total = len(queue.cases)
    st.progress((total - len(mine)) / total, text=f"{total - len(mine)} of {count(total, 'cases')} read by you")
    scan = st.query_params.get("case", "")
    if scan not in set(queue.cases["scan_id"]):
        scan = _next(queue, mine)
    if not scan:
        if mine:
            empty("Other readers have the cases that are left open. They are free again ten minutes after.")
        else:
            st.success(
                "You have read every case of this queue. *Figures and signature* is next.",
                icon=":material/check_circle:",
            )
            correct(queue)
        return
    holder = claim(workspace(), queue, scan, who=signed_in())
    if holder != signed_in():
        st.warning(f"{escape(holder)} is reading this case.", icon=":material/lock:")
        return
    one_case(queue, scan)
    correct(queue)
    engineer_details("review", {"queue": queue.name, "blank": "FILE.csv"})


def one_case(queue: Queue, scan: str) -> None:
    """The picture; beside it the answers, and once answered the model's."""
    if st.session_state.get("review_case") != scan:
        st.session_state["review_case"], st.session_state["review_began"] = scan, time.time()
    left, right = st.columns([3, 1], gap="medium")
    with left:
        try:
            viewer(case_of(catalogue(queue.cohort), scan), key="review-viewer")
        except WorkbenchError as error:
            st.warning(f"This picture cannot be shown: {escape(error.what)}", icon=":material/broken_image:")
    with right:
        st.markdown(f"**{escape(queue.question)}**")
        given = [r for r in reads(workspace(), queue) if r.content["scan_id"] == scan and r.who == signed_in()]
        if given:
            verdict_buttons(queue, scan, str(given[0].content["answer"]))
        else:
            answer_buttons(queue, scan)
        place = int(queue.case(scan)["place"])
        st.caption(f"Case {place} of {len(queue.cases)}. Every answer is saved at once and stays.")


def correct(queue: Queue) -> None:
    """Go back to a case that was read."""
    mine = [record for record in verdicts(workspace(), queue) if record.who == signed_in()]
    if not mine and "case" not in st.query_params:
        return
    with st.expander("Correct an earlier verdict", icon=":material/history:"):
        st.caption("The earlier verdict stays in the record; the new one counts. A signature must then be given again.")
        place = dict(zip(queue.cases["scan_id"], queue.cases["place"], strict=True))
        for record in mine[-12:]:
            scan = str(record.content["scan_id"])
            st.button(
                f"Case {place[scan]}: {record.content['final']}", key=f"back-{scan}", type="tertiary", on_click=_go,
                args=(scan,),
            )  # fmt: skip
        st.button("Go on with the next case", key="back-none", on_click=_go, args=("",))


def figures(queue: Queue) -> None:
    """Agreement in words and numbers; the signature; what can be made of the verdicts."""
    said = verdicts(workspace(), queue)
    found = agreement.summarise(queue, reads(workspace(), queue), said)
    for sentence in agreement.in_words(found):
        st.markdown(f"- {escape(sentence)}")
    st.caption("Only the cases by chance speak about all pictures; the others were chosen because something is odd.")
    st.dataframe(pd.DataFrame(_rows(found)), hide_index=True, alt="Agreement with the model by kind of case")
    signature(queue, found)
    use(queue, bool(said))
    engineer_details("signoff", {"model": queue.run, "queue": queue.name, "role": "ROLE", "who": signed_in()})


def signature(queue: Queue, found: dict[str, Any]) -> None:
    """The signature that stands, or the form to sign."""
    st.markdown("##### Signature")
    standing = sign_off.standing(workspace(), queue.model)
    if standing.record is not None and standing.record.content["queue"] == queue.name:
        told = sign_off.told(standing.record)
        st.markdown(
            f"{escape(told['who'])} ({escape(told['role'])}), {told['when']}: *{escape(told['meaning'])}*, "
            f"{count(told['verdicts'], 'verdicts')}. {escape(standing.why)}"
        )
        st.caption(f"Record {told['hash']}")
        if standing.agrees:
            return
    if found["done"] < found["cases"]:
        empty(f"{count(found['cases'] - found['done'], 'cases')} must be read before anybody can sign.")
        return
    if signed_in() not in found["readers"]:
        empty("You have read none of these cases, so somebody who has must sign.")
        return
    role = st.text_input("Your role", key="role", max_chars=60, placeholder="radiologist", width=420)
    meaning = st.radio("It means", sign_off.MEANINGS, format_func=_capital, key="meaning")
    st.button(
        f"Sign as {signed_in()}", type="primary", icon=":material/signature:", disabled=not role.strip(),
        on_click=_sign, args=(queue, role, meaning),
    )  # fmt: skip


def use(queue: Queue, any_verdict: bool) -> None:
    """New labels, and the table for the trial's file."""
    st.markdown("##### Use the verdicts")
    job = job_of_page("review")
    if job and job.settings.get("queue") == queue.name:
        job_card(job)
    if not any_verdict:
        empty("No verdicts yet.")
        return
    st.caption(
        "They become a new version of the labels; earlier versions stay. Labels of test patients change by first "
        "answers about cases by chance only, so that the model does not correct its own test."
    )
    st.button(
        "Make new labels", icon=":material/label:", on_click=request_job,
        args=("review", {"queue": queue.name, "new_labels": True}),
    )  # fmt: skip
    rows = [{**r.content, "reader": r.who, "at": r.at, "hash": r.hash} for r in verdicts(workspace(), queue)]
    table = pd.DataFrame(rows).map(lambda cell: f"'{cell}" if str(cell)[:1] in tuple("=+-@") and cell else cell)
    download(
        st, "Download the verdicts (CSV)", table.to_csv(index=False), file_name=f"{queue.name}-verdicts.csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def open_new() -> None:
    """Choose a model, which pictures and how many."""
    job = job_of_page("review")
    if job:
        _opened(job)
    known = [model for model in models(workspace()) if model.kind == CLASSIFIER]
    if not known:
        empty("No model yet. Teach one first; then its answers can be reviewed here.")
        st.page_link("screens/teach.py", label="Teach", icon=":material/arrow_forward:")
        return
    names = [model.run_id for model in known]
    chosen = st.selectbox("Model", names, index=len(names) - 1, key="model", width=420)
    model = known[names.index(str(chosen))]
    finding = ""
    if model.task == "multilabel":
        finding = str(st.selectbox("Finding", model.classes, key="finding", width=420))
    scans = str(st.radio("Which pictures", list(SCANS), format_func=SCANS.__getitem__, key="scans"))
    number = int(st.number_input("Cases, one of a patient", 1, 1000, 30, key="count", width=200))
    blind = st.checkbox("Readers answer before they see the model's answer (recommended)", value=True, key="blind")
    settings: dict[str, Any] = {
        "model": model.run_id, "scans": scans, "count": number, "blind": blind, "who": signed_in(),
        "name": f"{model.run_id[:30]}-{datetime.now():%m%d-%H%M}",
    }  # fmt: skip
    if finding:
        settings["finding"] = finding
    st.caption("A fifth of the cases is drawn by chance; the rest is where the model doubts, differs or is sure.")
    st.button(
        "Open queue", type="primary", icon=":material/playlist_add:", on_click=request_job, args=("review", settings)
    )
    engineer_details("review", settings)


def _opened(job: Job) -> None:
    job_card(job)
    if any(record.content["queue"] == job.run_id for record in queues(workspace())):
        st.success("The queue is open. *Read* shows its first case.", icon=":material/check_circle:")


def _next(queue: Queue, mine: list[str]) -> str:
    """The first case that is free: those that nobody has read before those that others have."""
    unread = set(waiting(workspace(), queue))
    for scan in sorted(mine, key=lambda scan: scan not in unread):
        if claim(workspace(), queue, scan, who=signed_in()) == signed_in():
            return scan
    return ""


def _rows(found: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "Cases": TITLES[name],
            "Why": STRATA[name],
            "In the queue": f"{entry['cases']}",
            "Judged": f"{entry['judged']}",
            "Verdict is the model's": f"{entry['agree']} of {entry['judged']}" if entry["judged"] else "–",
            "95 % interval": "–"
            if entry["low"] is None
            else f"{100 * entry['low']:.0f} to {100 * entry['high']:.0f} %",
        }
        for name, entry in found["strata"].items()
    ]


def _interval(entry: dict[str, Any]) -> str:
    return "–" if entry["low"] is None else f"{100 * entry['low']:.0f} to {100 * entry['high']:.0f} %"


def _capital(text: str) -> str:
    return text.capitalize()


def _go(scan: str) -> None:
    if scan:
        st.query_params["case"] = scan
    else:
        st.query_params.pop("case", None)


def _sign(queue: Queue, role: str, meaning: str) -> None:
    try:
        require("review")
        sign_off.sign(workspace(), queue, who=signed_in(), role=role, meaning=meaning)
    except WorkbenchError as error:
        st.session_state["review_error"] = error


page(
    "Review queue",
    "Read cases of a model yourself: your answer first, then the model's, then your verdict.",
    body,
)
