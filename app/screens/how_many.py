"""How many labels? (study): ask the question, wait, read the answer."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.cohort_view import choose_cohort, label_versions, labels, manifest, open_cohort
from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.study_curve import curve_words, difference_chart, order, study_curve
from app.runs_view import RunView, open_run, runs_of
from app.study_answer import PROTOCOLS, StudyAnswer, read_answer
from app.surroundings import queue
from app.wording import count, when, zone_of
from workbench.study.cautions import in_sentences

VIEWS = ["Read the answer", "Ask the question"]
BUDGETS = [10, 25, 50, 100, 250, 500, 1000, 2000]
DRAWS = {"Quick": (5, 2), "Usual": (20, 3), "Careful": (50, 5)}


def body() -> None:
    """Draw the two views."""
    show_request_error()
    finished = [run for run in runs_of("study") if run.has("summary.json")]
    first = VIEWS[0] if finished else VIEWS[1]
    view = st.segmented_control(
        "View", VIEWS, default=first, key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    if view == VIEWS[1]:
        ask()
    elif not finished:
        empty("No answer yet. Under *Ask the question* you choose what to compare; the answer then appears here.")
        engineer_details("study", {"cohort": "NAME"})
    else:
        choose(finished)


def choose(finished: list[RunView]) -> None:
    """Which study to read."""
    names = [run.run_id for run in finished]
    chosen = st.selectbox("Study", names, key="run", bind="query-params", width=420)
    run = finished[names.index(chosen)]
    st.caption(f"Finished {when(run.status.ended or run.status.started, zone_of(st.context.timezone))}.")
    read(run)


def read(run: RunView) -> None:
    """The verdict first, then the curve, its table, the difference, labels saved, and the files."""
    answer = read_answer(run)
    with st.container(border=True):
        primary = [entry["verdict"]["sentence"] for entry in answer.comparisons if entry["primary"]]
        for sentence in primary or [answer.verdict]:
            st.markdown(f"#### {escape(sentence)}")
    for warning in answer.warnings:
        st.warning(escape(warning), icon=":material/warning:")
    protocols = answer.protocols()
    protocol = protocols[0]
    if len(protocols) > 1:
        protocol = st.segmented_control(
            "How the encoders are used", protocols, default=protocols[0], required=True, key="protocol",
            bind="query-params", format_func=lambda name: PROTOCOLS.get(str(name), str(name)),
        )  # fmt: skip
    _curve(answer, str(protocol))
    _saved(answer, str(protocol))
    _difference(answer, str(protocol))
    _ahead(answer)
    _files(run)
    engineer_details("study", run.settings, run.path)


def _curve(answer: StudyAnswer, protocol: str) -> None:
    table, references = answer.curve(protocol), answer.references(protocol)
    arms = order(table, references)
    st.markdown(f"##### {answer.metric_words} by number of labelled {answer.unit}")
    st.altair_chart(
        study_curve(table, references, answer.metric_words, answer.unit, answer.arms()),
        alt=curve_words(table, arms, answer.metric_words, answer.unit),
        key=f"curve-{protocol}",
    )
    st.caption(
        f"Tested on {count(answer.tested[0], 'patients')} set aside. Ribbons are 95 % intervals, point by point: they "
        "count which patients were labelled, which tested, and which pool you had. 0.5 is guessing, 1.0 is perfect."
    )
    with st.expander("The curve as a table"):
        cells = table.assign(cell=[_cell(row) for row in table.itertuples()])
        shown = cells.pivot_table(index="budget", columns="arm", values="cell", aggfunc="first")[arms].fillna("–")
        shown.index = pd.Index([f"{budget:,.0f}" for budget in shown.index], name=f"Labelled {answer.unit}")
        st.table(shown)


def _cell(row: Any) -> str:
    if row.low != row.low or row.high != row.high:
        return f"{row.value:.3f} (no interval)"
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"


def _difference(answer: StudyAnswer, protocol: str) -> None:
    table = answer.differences(protocol)
    if table.empty:
        return
    st.markdown(f"##### Difference to {escape(', '.join(answer.references(protocol)))}")
    words = "; ".join(
        f"{row.arm} at {row.budget:,.0f}: {row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})"
        for row in table.itertuples()
    )
    st.altair_chart(
        difference_chart(table, answer.unit, answer.arms()), alt=f"Differences. {words}", key=f"difference-{protocol}"
    )
    st.caption(
        "Above the dashed line is better. Where a bar crosses it, no difference is shown. The bars hold at all points "
        "at once (95 %)."
    )


def _saved(answer: StudyAnswer, protocol: str) -> None:
    compared = answer.compared(protocol)
    if not compared:
        return
    st.markdown("##### In words")
    for entry in compared:
        parts = [] if entry["primary"] else [escape(entry["verdict"]["sentence"])]
        if entry["labels_saved"]:
            text = escape(entry["labels_saved"]["text"])
            parts.append(f"**Labels saved:** {text}, {escape(entry['arm'])} against {escape(entry['reference'])}.")
        if parts:
            st.markdown("- " + "  \n  ".join(parts))
    for sentence in in_sentences(compared):
        st.markdown(f"- {escape(sentence)}")
    with st.expander("What would change our mind?"):
        for entry in compared:
            st.markdown(
                f"- {escape(entry['arm'])}: with {count(answer.tested[0], 'test patients')}, a difference smaller than "
                f"{entry['verdict']['detectable']:.3f} would probably have gone unseen."
            )
        for sentence in answer.not_run:
            st.markdown(f"- {escape(sentence)}")


def _ahead(answer: StudyAnswer) -> None:
    """What more labels would bring, where a forecast can be trusted; else why it cannot."""
    if not answer.forecasts:
        return
    st.markdown("##### With more labels")
    refused: dict[str, list[str]] = {}
    for found in answer.forecasts:
        if found["refused"]:
            refused.setdefault(found["refused"], []).append(found["arm"])
            continue
        twice = found["points"][1]
        st.markdown(
            f"- **{escape(found['arm'])}**: with {twice['n']:,.0f} labelled {answer.unit} about {twice['value']:.2f} "
            f"(roughly 90 %: {twice['low']:.2f} to {twice['high']:.2f})."
        )
        for needed in found["required"]:
            st.markdown(f"  {escape(needed['text'])}")
    for why, arms in refused.items():
        st.markdown(f"- {escape(', '.join(arms))}: {escape(why)}")
    advice = next((found["advice"] for found in answer.forecasts if not found["refused"]), "")
    if advice:
        st.caption(advice)


def _files(run: RunView) -> None:
    st.markdown("##### Take it with you")
    files = {
        "report.html": ("Report", "text/html"),
        "results.parquet": ("Results", "application/octet-stream"),
        "summary.json": ("Summary", "application/json"),
    }
    pictures = sorted((run.path / "figures").glob("*.png")) + sorted((run.path / "figures").glob("*.svg"))
    present = [(run.path / name, *words) for name, words in files.items() if run.has(name)]
    present += [
        (file, file.stem.replace("_", " ").capitalize() + f" ({file.suffix[1:].upper()})", "") for file in pictures
    ]
    for column, (file, label, mime) in zip(st.columns(4) * 6, present, strict=False):
        download(
            column, label, file.read_bytes(), file_name=f"{run.run_id}-{file.name}", mime=mime or None,
            key=f"get-{file.name}", icon=":material/download:", width="stretch", on_click="ignore",
        )  # fmt: skip
    st.caption("The report is one file that opens in any browser, without a network.")


def ask() -> None:
    """Collection, what to compare, how many labels, how careful; start."""
    job = job_of_page("study")
    if job:
        job_card(job)
        if queue().state(job).state == "finished":
            st.button("Ask another", on_click=st.query_params.clear, icon=":material/add:")
            read(open_run(queue().folder(job)))
            return
        st.markdown("##### Ask another")
    cohort = choose_cohort()
    if cohort is None:
        empty("No images yet: add images first.")
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
        return
    if not label_versions(cohort):
        empty(
            "This collection has no labels yet. Bring a table of labels first: a study needs answers to test against."
        )
        st.page_link("screens/teach.py", label="Bring labels", icon=":material/arrow_forward:")
        return
    settings = form(cohort)
    st.button(
        "Start the study", type="primary", icon=":material/play_arrow:", on_click=request_job, args=("study", settings),
        disabled=not asked_fully(settings),
    )  # fmt: skip
    engineer_details("study", settings)


def asked_fully(settings: dict[str, Any]) -> bool:
    """Whether there is something to compare, with something, at some number of labels."""
    compared = [name for name in settings["arms"] if name != settings["reference"]]
    return bool(compared and settings["budgets"] and settings["protocols"])


def form(cohort: str) -> dict[str, Any]:
    """The settings of the verb ``study``, from the form."""
    encoders = {
        run.run_id: run
        for run in runs_of("pretrain")
        if run.has("encoder.json") and run.settings.get("cohort") == cohort
    }
    opened, joined = open_cohort(cohort), labels(cohort)
    patients = manifest(cohort).set_index("scan_id")["patient_key"]
    available = patients.reindex(opened.development(joined)).nunique()
    tested = patients.reindex(opened.test(joined)).nunique()
    st.markdown(
        f"{count(available, 'patients')} with labels can teach; {count(tested, 'patients')} set aside can test."
        + (" With so few in the test, any answer will be very uncertain." if tested < 40 else "")
    )
    chosen = st.multiselect(
        "What to compare with starting from scratch",
        list(encoders),
        default=list(encoders)[:2],
        placeholder="Encoders that you pretrained",
        key=f"arms-{cohort}",
    )
    if not encoders:
        st.caption("Nothing was learnt from this collection yet; see *Learn (pretrain)*.")
    also = st.pills("Also", ["Random network, not trained", "Raw pixels"], selection_mode="multi", key="also") or []
    fitting = [budget for budget in BUDGETS if budget < available]
    left, right = st.columns(2)
    budgets = left.multiselect("Labelled patients to try", fitting, default=fitting[:5], key=f"budgets-{cohort}")
    whole = left.checkbox("and all of them", value=True, key="all")
    draws = right.radio(
        "How careful",
        list(DRAWS),
        index=1,
        key="draws",
        captions=[f"{probed} random choices of patients, {tuned} end to end" for probed, tuned in DRAWS.values()],
    )
    protocols = right.pills(
        "How the encoders are used",
        list(PROTOCOLS),
        default=["probe", "finetune"],
        selection_mode="multi",
        format_func=PROTOCOLS.__getitem__,
        key="protocols",
        wrap=True,
        help="Teaching end to end takes much longer than the others.",
    )
    name = st.text_input("Name", value=f"study-{datetime.now():%m%d-%H%M}", max_chars=60)
    sizes = {int(encoders[run].settings.get("size", 64)) for run in chosen}
    if len(sizes) > 1:
        st.warning(
            f"These encoders learnt at different picture sizes ({', '.join(map(str, sorted(sizes)))}). Choose one."
        )
    first = encoders[chosen[0]].settings.get("encoder", "resnet18") if chosen else "resnet18"
    arms: dict[str, Any] = {run: {"encoder": run} for run in chosen}
    trained = "finetune" in protocols
    if not trained:
        st.caption("Without *end to end* nothing is trained from scratch; the comparison is with a random network.")
    if not trained or "Random network, not trained" in also:
        arms["random"] = {"encoder": f"random:{first}"}
    if "Raw pixels" in also:
        arms["pixels"] = {"encoder": "pixels"}
    probed, tuned = DRAWS[draws]
    return {
        "cohort": cohort,
        "size": min(sizes) if sizes else 64,
        "arms": arms,
        "reference": "scratch" if trained else "random",
        "protocols": protocols,
        "budgets": [*sorted(budgets), *(["all"] if whole else [])],
        "draws": probed,
        "finetune_draws": tuned,
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "study",
    }


page(
    "How many labels? (study)",
    "Compare ways to start by how many labelled patients each needs, on patients whom no encoder has ever seen.",
    body,
)
