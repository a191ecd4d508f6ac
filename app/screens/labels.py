"""Labels: bring a table, or answer one question about one picture after the other; reserved test patients first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app.catalogue import Catalogue, catalogue
from app.cohort_view import choose_cohort, label_versions, labels, open_cohort
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page, show_error
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.label_upload import label_upload
from app.components.viewed_case import case_of
from app.components.viewer import viewer
from app.roles import require
from app.runs_view import runs_of
from app.signed_in import signed_in
from app.surroundings import workspace
from app.wording import count
from workbench.errors import WorkbenchError
from workbench.review.labelling import (
    Answer,
    Labelling,
    cases_for,
    labellings,
    open_labelling,
    progress,
    publish,
    say,
    standing,
    start_labelling,
)
from workbench.review.queue import BAD_PICTURE, CANNOT_TELL
from workbench.runs.audit_log import log
from workbench.study.labelling_plan import patients_for, plan

VIEWS = ["Label by click", "Bring a table", "What to label next"]
NEW = "(a new question)"
KEYS = {CANNOT_TELL: "0", BAD_PICTURE: "x"}
BARELY = 0.1


def body() -> None:
    """Draw the chosen way of labelling."""
    show_request_error()
    cohort = choose_cohort()
    if cohort is None:
        empty("No images yet: labels belong to pictures, so add images first.")
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
        return
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    {VIEWS[0]: by_click, VIEWS[1]: by_table, VIEWS[2]: what_next}[str(view)](cohort)


def by_table(cohort: str) -> None:
    """A table of labels, as on *Teach*."""
    job = job_of_page("label")
    if job:
        job_card(job)
    elif label_versions(cohort):
        known = labels(cohort)
        st.caption(
            f"Latest labels: {known.version}, {count(len(known.table), 'pictures')}. A table makes a new version."
        )
    else:
        empty("No labels yet. 50 patients per answer is a sensible start; *How many labels?* will tell you more.")
    label_upload(cohort)


def by_click(cohort: str) -> None:
    """An open question, or the form that makes one."""
    names = labellings(workspace(), cohort)
    if names:
        # the latest first; a question from the page's address wins
        asked = st.query_params.get("question")
        options = [*reversed(names), NEW]
        at = options.index(asked) if asked in options else 0
        chosen = st.selectbox("Question", options, index=at, key=f"question-{len(names)}", width=420, on_change=_forget)
        if chosen != NEW:
            st.query_params["question"] = chosen
            ask(cohort, open_labelling(workspace(), chosen))
            return
    else:
        empty("No question yet. Ask one, about one picture of each patient; every answer is saved at once.")
    new_question(cohort)


def ask(cohort: str, labelling: Labelling) -> None:
    """One case, its answers, how far it is; figures and publishing below."""
    found, reader = catalogue(cohort), signed_in()
    said = standing(workspace(), labelling)
    waiting = cases_for(labelling, said, reader)
    told = progress(labelling, said)
    st.progress(told["done"] / told["cases"], text=_how_far(told))
    if waiting:
        one_case(found, labelling, waiting[0], said)
    else:
        st.success("Nothing waits for you here.", icon=":material/check_circle:")
        _undo_button(labelling, said)
    with st.expander("Readers and agreement", icon=":material/group:", expanded=not waiting):
        for sentence in readers_in_words(told):
            st.markdown(f"- {sentence}")
        if told["disputed"]:
            settle(found, labelling, told["disputed"], said)
    publishing(cohort, labelling, told)


def one_case(found: Catalogue, labelling: Labelling, case: dict[str, Any], said: Sequence[Answer]) -> None:
    """The picture with the answers beside it."""
    scan = case["scan_id"]
    if st.session_state.get("case") != scan:
        st.session_state["case"], st.session_state["began"] = scan, time.time()
    left, right = st.columns([3, 1], gap="medium")
    with left:
        viewer(case_of(found, scan), key="labelling-viewer")
    with right:
        st.markdown(f"**{escape(labelling.question)}**")
        turn = sum(answer.reader == signed_in() for answer in said)
        for number, option in enumerate(labelling.options, start=1):
            key = KEYS.get(option, str(number))
            # the button's own key holds the case: a press that comes late belongs to the case it was meant for
            st.button(
                option,
                key=f"answer-{scan}-{turn}-{number}",
                shortcut=key,
                width="stretch",
                on_click=keep,
                args=(labelling, scan, option, f"{scan}-{turn}"),
            )
        _undo_button(labelling, said)
        note = st.text_input("Note (optional)", key=f"note-{scan}", max_chars=500)
        st.caption(f"Case {case['place']:,} of {len(labelling.cases):,}. Chosen: {case['reason']}.")
        if note:
            st.caption("The note is kept with your answer.")


def keep(labelling: Labelling, scan: str, answer: str, sequence: str) -> None:
    """Save an answer at once; the same press twice counts once."""
    began = float(st.session_state.get("began", time.time()))
    note = str(st.session_state.get(f"note-{scan}", ""))
    seconds = min(time.time() - began, 600.0)
    say(workspace(), labelling, scan, answer, reader=signed_in(), sequence=sequence, note=note, seconds=seconds)
    if answer:
        st.toast(f"Saved: {answer}", icon=":material/check:")


def _undo_button(labelling: Labelling, said: Sequence[Answer]) -> None:
    mine = [answer for answer in said if answer.reader == signed_in()]
    if mine:
        last = mine[-1]
        st.button(
            "Take back the last answer",
            key=f"undo-{last.scan_id}-{last.at}",
            icon=":material/undo:",
            type="tertiary",
            on_click=keep,
            args=(labelling, last.scan_id, "", f"undo-{last.scan_id}-{last.at}"),
            help=f"It was: {last.answer}",
        )


def settle(found: Catalogue, labelling: Labelling, disputed: Sequence[str], said: Sequence[Answer]) -> None:
    """Cases whose readers differ, for somebody who has not answered them."""
    st.markdown(f"**{count(len(disputed), 'cases')} with different answers.** A third reader settles them.")
    mine = {answer.scan_id for answer in said if answer.reader == signed_in()}
    open_to_me = [scan for scan in disputed if scan not in mine]
    if not open_to_me:
        st.caption("You have answered all of them yourself; somebody else has to settle them.")
        return
    scan = open_to_me[0]
    viewer(case_of(found, scan), key="settling-viewer")
    for number, option in enumerate(labelling.answers):
        st.button(
            option, key=f"settle-{scan}-{number}", on_click=keep, args=(labelling, scan, option, f"settle-{scan}")
        )


def publishing(cohort: str, labelling: Labelling, told: dict[str, Any]) -> None:
    """Make the answers labels."""
    with st.container(border=True):
        st.markdown("##### Use these answers")
        open_tests = told["test_cases"] - told["test_done"]
        if open_tests:
            st.caption(
                f"{count(open_tests, 'test patients')} are still without an answer. Labels can be used before, but "
                "what they teach can only be tested on patients that have one."
            )
        else:
            st.caption("The answers become a new version of this collection's labels; earlier versions stay.")
        st.button(
            "Publish as labels", icon=":material/publish:", disabled=not told["done"], on_click=_publish,
            args=(cohort, labelling),
        )  # fmt: skip
        made = st.session_state.pop("published", None)
        if isinstance(made, WorkbenchError):
            show_error(made)
        elif made:
            st.success(made, icon=":material/check_circle:")
            st.page_link("screens/teach.py", label="Teach with them", icon=":material/arrow_forward:")


def _publish(cohort: str, labelling: Labelling) -> None:
    try:
        require("label")
        made = publish(workspace(), open_cohort(cohort), labelling)
        log(workspace(), "labels", cohort, signed_in(), version=made.version, labelling=labelling.name)
    except WorkbenchError as error:
        st.session_state["published"] = error
        return
    left = ", ".join(f"{number} {why}" for why, number in made.report["left_out"].items() if number)
    counts = ", ".join(f"{name}: {number:,}" for name, number in made.counts().items())
    st.session_state["published"] = f"Labels {made.version}: {counts}." + (f" Left out: {left}." if left else "")


def new_question(cohort: str) -> None:
    """The form: question, answers, how many patients; what the test set will be able to show."""
    opened = open_cohort(cohort)
    table = opened.manifest.loc[opened.usable()]
    is_test = opened.split().is_test(table["scan_id"].to_numpy())
    tests = int(table.loc[is_test, "patient_key"].nunique())
    others = int(table.loc[~is_test, "patient_key"].nunique())
    st.markdown("##### A new question")
    question = st.text_input("Question", placeholder="Is there a pneumothorax?", max_chars=200, key="new-question")
    answers = st.text_input("Answers, separated by commas (2 to 9)", value="no, yes", key="new-answers")
    st.caption("'cannot tell' and 'bad picture' are added.")
    st.markdown(
        "**First, the test patients.** They were set aside when the images were added; nothing learns from them."
    )
    first, second = st.columns(2)
    most = max(tests, 1)
    test_patients = int(first.number_input(f"Test patients to label (of {tests:,})", 0, most, min(tests, 150)))
    share = second.slider("About how many have the rarer answer, in 100?", 1, 50, 30, help="A guess will do.") / 100
    for sentence in plan_in_words(test_patients, tests, share):
        st.markdown(f"- {sentence}")
    proposals = _proposals(cohort)
    third, fourth, fifth = st.columns(3)
    patients = int(
        third.number_input(f"Then others, to teach with (of {others:,})", 0, max(others, 1), min(others, 50))
    )
    order = fourth.selectbox(
        "Order", ["by chance", *proposals], help="Lists from 'What to label next' appear here.", key="new-order"
    )
    twice = fifth.slider("Shown to a second reader, in 100", 0, 100, 10) / 100
    total = test_patients + patients
    st.caption(f"{count(total, 'patients')} in all: at 10 seconds each about {max(1, round(total / 6)):,} minutes.")
    st.button(
        "Start labelling", type="primary", icon=":material/play_arrow:", disabled=not question.strip(),
        on_click=_start,
        args=(cohort, question, answers.split(","), test_patients, patients, proposals.get(str(order)), twice),
    )  # fmt: skip
    wrong = st.session_state.pop("new-error", None)
    if wrong:
        show_error(wrong)


def plan_in_words(test_patients: int, available: int, share: float) -> list[str]:
    """What a test set of this size can show, and what a better one would cost."""
    if test_patients < 2:
        return [
            "Without labelled test patients no answer can be tested: you would learn nothing about what it is worth."
        ]
    planned = plan(test_patients, share)
    sentences = [
        f"With {count(test_patients, 'test patients')}, two classifiers must differ by **{planned.detectable:.2f}** in "
        f"ranking quality (AUC) to be told apart; one is known to within {planned.half_width:.2f}."
    ]
    if planned.detectable > BARELY:
        needed = patients_for(BARELY, share)
        enough = f"**{needed:,}** would bring that to {BARELY:.2f}."
        sentences.append(
            enough if needed <= available else f"{enough} This collection set aside {available:,}: add images first."
        )
    if planned.positive < 10:
        sentences.append(
            f"Only about {planned.positive:.0f} of them would have the rarer answer: too few for a verdict."
        )
    return sentences


def _start(
    cohort: str,
    question: str,
    answers: list[str],
    test_patients: int,
    patients: int,
    proposal: str | None,
    twice: float,
) -> None:
    name = f"{cohort[:30]}-{time.strftime('%m%d-%H%M%S')}"
    try:
        start_labelling(
            workspace(), open_cohort(cohort), name, question, answers, who=signed_in(), test_patients=test_patients,
            patients=patients, proposed=_read_proposal(proposal) if proposal else (), second_share=twice,
        )  # fmt: skip
    except WorkbenchError as error:
        st.session_state["new-error"] = error
        return
    st.query_params["question"] = name


def _forget() -> None:
    st.query_params.pop("question", None)


def what_next(cohort: str) -> None:
    """Ask for a proposal, or replay labelling to see whether choosing helps."""
    job = job_of_page("propose")
    if job:
        job_card(job)
    encoders = [run.run_id for run in runs_of("pretrain") if run.has("encoder.json")]
    left, right = st.columns(2)
    encoder = left.selectbox("Pictures are alike as seen by", [*encoders, "pixels"], key="alike")
    number = int(right.number_input("Patients to propose", 5, 2000, 50, step=5))
    settings = {"cohort": cohort, "encoder": encoder, "count": number}
    run = next((run for run in runs_of("pretrain") if run.run_id == encoder), None)
    if run:
        settings["size"] = int(run.settings.get("size", 64))
    st.caption(
        "While labels are few, typical pictures of every kind are proposed; later those about which the classifier "
        "is unsure. One in five is by chance, to judge the rest by."
    )
    with st.container(horizontal=True):
        st.button(
            "Propose patients", type="primary", icon=":material/lightbulb:", on_click=request_job,
            args=("propose", settings),
        )  # fmt: skip
        st.button(
            "Did choosing help? Replay it", icon=":material/replay:", disabled=not label_versions(cohort),
            on_click=request_job, args=("propose", {**settings, "trial": True}),
            help="Uses the labels at hand: each way of choosing against chance, twenty times.",
        )  # fmt: skip
    for title, verdict in _verdicts(cohort):
        st.markdown(f"**Replay of {escape(title)}.** {escape(verdict)}")
    lists = _proposals(cohort)
    if lists:
        names = ", ".join(escape(name) for name in lists)
        st.markdown(f"Lists to label from: {names}. Choose one as *Order* of a new question.")
    engineer_details("propose", settings)


def _proposals(cohort: str) -> dict[str, str]:
    """Names of the proposals to their files, the latest first."""
    found = {}
    for run in runs_of("propose"):
        file = run.path / "proposal.csv"
        if run.settings.get("cohort") == cohort and file.is_file():
            found[f"proposal {run.run_id}"] = str(file)
    return found


def _read_proposal(file: str) -> list[tuple[str, str]]:
    import pandas as pd

    table = pd.read_csv(Path(file), dtype=str)
    return list(zip(table["scan_id"], table["reason"], strict=True))


def _verdicts(cohort: str) -> list[tuple[str, str]]:
    """Replays that have finished, and what they showed."""
    found = []
    for run in runs_of("propose"):
        verdict = run.json("result.json").get("verdict")
        if run.settings.get("cohort") == cohort and verdict:
            found.append((run.run_id, str(verdict)))
    return found


def _how_far(told: dict[str, Any]) -> str:
    parts = [f"{told['done']:,} of {told['cases']:,} cases"]
    if told["test_cases"]:
        parts.append(f"{told['test_done']:,} of {told['test_cases']:,} test patients")
    if told["median_seconds"] is not None:
        parts.append(f"median {told['median_seconds']:.0f} s")
    return " · ".join(parts)


def readers_in_words(told: dict[str, Any]) -> list[str]:
    """Who answered how many, and how far two readers agree."""
    sentences = [f"{escape(reader)}: {count(number, 'answers')}" for reader, number in told["readers"].items()]
    if told["twice"]:
        low, high = 100 * told["agree_low"], 100 * told["agree_high"]
        sentences.append(
            f"Two readers agree in {told['agree']} of {told['twice']} cases ({low:.0f} to {high:.0f} of 100)"
            + (f"; kappa {told['kappa']:.2f}." if told["kappa"] is not None else ".")
        )
    return sentences or ["Nobody has answered yet."]


page("Labels", "Tell the computer what the pictures show; the test patients first.", body)
