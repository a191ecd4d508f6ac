"""Models: what there is, what each still lacks, its card, and its way out."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import streamlit as st

from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page, show_error
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.signed_in import signed_in
from app.surroundings import workspace
from app.wording import zone_of
from workbench.errors import WorkbenchError
from workbench.release.card_fields import BY_PEOPLE
from workbench.release.card_page import as_html, as_markdown, html_body
from workbench.release.gate import Condition, conditions
from workbench.release.model_card import Card, make_card, write_fields
from workbench.release.registry import registered
from workbench.review import sign_off
from workbench.review.acknowledgement import acknowledge, latest_audit
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel, models

VIEWS = ["What is there", "Card", "Release"]
PAGES = {"privacy": ("screens/check.py", "Check"), "review": ("screens/review.py", "Review queue")}
STATES = {"candidate": "Candidate", "approved": "Approved", "retired": "Retired", "": "Not registered"}


def body() -> None:
    """The list, and one model."""
    show_request_error()
    problem = st.session_state.pop("models_error", None)
    if problem is not None:
        show_error(problem)
    found = models(workspace())
    if not found:
        empty("No models yet. Learn (pretrain) or teach (fine-tune) one first; it then appears here.")
        st.page_link("screens/teach.py", label="Teach", icon=":material/arrow_forward:")
        return
    with st.expander(f"All models ({len(found)})", icon=":material/list:"):
        st.dataframe(pd.DataFrame([_row(model) for model in found]), hide_index=True, alt="All models")
    names = [f"{model.run_id} ({model.kind})" for model in found]
    chosen = st.selectbox("Model", names, key="model", bind="query-params", width=420)
    model = found[names.index(chosen)]
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", required=True, label_visibility="collapsed"
    )
    card = make_card(workspace(), model)
    if view == VIEWS[1]:
        show_card(model, card)
    elif view == VIEWS[2]:
        release(model, card)
    else:
        gate(model, card)


def gate(model: ReviewedModel, card: Card) -> None:
    """Each condition: there, or missing with what to do about it."""
    found = conditions(workspace(), model, card)
    missing = [condition for condition in found if not condition.met]
    if missing:
        st.markdown(f"##### {len(missing)} of {len(found)} things are missing before this model may be used")
    else:
        st.markdown("##### Everything is there: this model may be approved and exported")
    for condition in found:
        _condition(model, condition)
    if model.kind != CLASSIFIER:
        st.caption("An encoder gives no answers about patients: what is taught with it is audited and reviewed.")
    engineer_details("export", {"model": model.run_id}, model.folder)


def _condition(model: ReviewedModel, condition: Condition) -> None:
    icon, word = (":material/check:", "There") if condition.met else (":material/pending:", "Missing")
    with st.container(border=True):
        st.markdown(f"{icon} **{escape(condition.title)}** · {word}  \n{escape(condition.sentence)}")
        if condition.met:
            return
        if condition.name in PAGES:
            target, label = PAGES[condition.name]
            st.page_link(target, label=label, icon=":material/arrow_forward:")
        elif condition.name == "card":
            st.button("Fill in the card", icon=":material/edit_note:", on_click=_view, args=(VIEWS[1],))
        elif condition.name == "subgroups":
            subgroups(model)
        if condition.todo:
            st.caption(escape(condition.todo))


def subgroups(model: ReviewedModel) -> None:
    """What the audit says, and the button that says that it was read."""
    audit = latest_audit(workspace(), model)
    if audit is None:
        job = job_of_page("audit")
        if job and job.settings.get("source") == model.run_id:
            job_card(job)
            return
        st.button(
            "Make the audit", icon=":material/groups:", on_click=request_job, args=("audit", {"source": model.run_id})
        )
        return
    page_file = next((file for file in sorted(audit.folder.glob("*.html"))), None)
    if page_file is not None:
        download(
            st, "The whole audit (HTML)", page_file.read_bytes(), file_name=f"{audit.folder.name}.html",
            mime="text/html", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.button(
        f"I have read it ({signed_in()})", icon=":material/done_all:", on_click=_guard(acknowledge),
        args=(workspace(), model), kwargs={"who": signed_in()},
    )  # fmt: skip


def show_card(model: ReviewedModel, card: Card) -> None:
    """The fields that people fill in, and the card as it will go out."""
    with st.form("card", border=True):
        st.markdown("##### What only you can say")
        texts = {}
        for field in BY_PEOPLE:
            needed = "" if model.kind in field.needed else " (optional)"
            texts[field.name] = st.text_area(
                field.title + needed, card.texts.get(field.name, ""), help=field.hint or None, max_chars=4000,
                height=80, key=f"card-{model.digest[:8]}-{field.name}",
            )  # fmt: skip
        if st.form_submit_button("Save", type="primary", icon=":material/save:"):
            try:
                kept = write_fields(workspace(), model, texts, who=signed_in())
                st.toast("Saved." if kept else "Nothing was changed.", icon=":material/check:")
                card = make_card(workspace(), model)
            except WorkbenchError as error:
                show_error(error)
    for why in card.missing.values():
        st.markdown(f":material/pending: {escape(why)}")
    left, right = st.columns(2)
    download(
        left, "Card as a page (HTML)", as_html(card), file_name=f"{model.run_id}-card.html", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip
    download(
        right, "Card as text (Markdown)", as_markdown(card), file_name=f"{model.run_id}-card.md",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    with st.container(border=True):
        # long digests break anywhere, so that the page is no wider than the window
        st.html(f'<div style="overflow-wrap: anywhere">{html_body(card)}</div>')
    engineer_details("export", {"model": model.run_id, "card": "FILE.yaml"}, model.folder)


def release(model: ReviewedModel, card: Card) -> None:
    """Alias and export; what is missing stands in the way, or is passed over with a reason."""
    job = job_of_page("export")
    if job:
        job_card(job)
    said = registered(workspace(), model)
    if said:
        zone = zone_of(st.context.timezone)
        day = pd.Timestamp(said.at).tz_convert(zone or "UTC").strftime("%d %b %Y")
        forced = f", although something was missing (record {said.override})" if said.override else ""
        st.markdown(
            f"**{STATES[said.alias]}**: {escape(said.name)} version {escape(said.version)}, said by "
            f"{escape(said.who)} on {day}{forced}."
        )
    missing = [condition for condition in conditions(workspace(), model, card) if not condition.met]
    reason = ""
    if missing:
        st.warning(
            "Not yet: " + " ".join(escape(condition.sentence) for condition in missing), icon=":material/pending:"
        )
        with st.expander("Go on in spite of it", icon=":material/gavel:"):
            st.caption("Your name, the time, what is missing and your reason are recorded for good.")
            reason = st.text_input("Reason", key="reason", max_chars=500).strip()
    blocked = bool(missing) and not reason
    base: dict[str, Any] = {"model": model.run_id, "who": signed_in()}
    forced_by: dict[str, Any] = {"force_reason": reason} if missing and reason else {}
    st.markdown("##### In the registry")
    first, second, third = st.columns(3)
    for column, alias, title in (
        (first, "candidate", "Call it candidate"),
        (second, "approved", "Approve"),
        (third, "retired", "Retire"),
    ):
        settings = {**base, "alias": alias, **(forced_by if alias == "approved" else {})}
        column.button(
            title, key=f"alias-{alias}", disabled=alias == "approved" and blocked, on_click=request_job,
            args=("export", settings), width="stretch",
        )  # fmt: skip
    st.markdown("##### Export")
    formats = st.pills(
        "Formats", ["safetensors", "onnx", "mlflow"], selection_mode="multi", default=["safetensors", "onnx", "mlflow"],
        key="formats",
    )  # fmt: skip
    out = workspace().root / "exports" / _free(model.run_id)
    st.caption(f"Into the folder exports/{out.name} of the workspace: weights, preprocessing, card, checksums.")
    settings = {**base, "out": str(out), "formats": list(formats), **forced_by}
    st.button(
        "Export", type="primary", icon=":material/ios_share:", disabled=blocked or not formats, on_click=request_job,
        args=("export", settings),
    )  # fmt: skip
    engineer_details("export", settings, model.folder)


def _row(model: ReviewedModel) -> dict[str, str]:
    said = registered(workspace(), model)
    auc = model.metrics.get("auc", {})
    figure = "–" if auc.get("value") is None else f"{auc['value']:.2f}"
    if auc.get("low") is not None:
        figure += f" ({auc['low']:.2f} to {auc['high']:.2f})"
    try:
        signed = sign_off.standing(workspace(), model.digest).record
    except WorkbenchError:
        signed = None
    return {
        "Name": model.run_id,
        "Kind": model.kind,
        "Question": ", ".join(model.classes) or "–",
        "State": STATES[said.alias if said else ""],
        "Ranking quality (AUC)": figure,
        "Collection": f"{model.cohort} {model.facts.get('cohort_version', '')[:8]}",
        "Signed by": signed.who if signed else "–",
    }


def _free(name: str) -> str:
    """A folder name under ``exports`` that is not taken."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    number, chosen = 1, stem
    while (workspace().root / "exports" / chosen).exists():
        number += 1
        chosen = f"{stem}-{number}"
    return chosen


def _view(name: str) -> None:
    st.session_state["view"] = name


def _guard(act: Any) -> Any:
    """A callback whose error is shown at the top of the page."""

    def safe(*args: Any, **kwargs: Any) -> None:
        try:
            act(*args, **kwargs)
        except WorkbenchError as error:
            st.session_state["models_error"] = error

    return safe


page("Models", "See what each model still lacks, write its card, approve it or take it out.", body)
