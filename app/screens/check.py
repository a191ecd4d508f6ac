"""Check: what the quality report found, what was left out, and the decisions that only a person can take."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.cohort_view import choose_cohort, intake, open_cohort
from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, page, show_error
from app.components.job_card import job_card
from app.components.job_request import job_of_page, request_job, show_request_error
from app.components.scan_grid import Tile, scan_grid
from app.frames.routes import thumbnail_address
from app.roles import require
from app.signed_in import signed_in
from app.surroundings import workspace
from app.wording import count
from workbench.cohort.quality import contact_sheet
from workbench.config import load_settings
from workbench.errors import WorkbenchError
from workbench.runs.progress import Progress
from workbench.verbs.decide import DecideResult, DecideSettings, decide

SHOWN = 8
COMPARE = "like_pairs"
GROUPS = (
    ("stop", "Needs a decision"),
    ("warn", "Worth a look"),
    ("exclude", "We left these out"),
    ("note", "For your information"),
)
WORDS = {"keep": "Keep as it is", "exclude": "Exclude", "include": "Use all the same"}
ICONS = {"keep": ":material/check:", "exclude": ":material/block:", "include": ":material/add_circle:"}


def body() -> None:
    """Headline, privacy, findings by how grave they are, the journal."""
    cohort = choose_cohort()
    if cohort is None:
        empty("No images yet. Add images first; then what was found in them stands here.")
        st.page_link("screens/add_images.py", label="Add images", icon=":material/arrow_forward:")
        return
    wanted = st.session_state.pop("look-at", "")
    if wanted:
        st.switch_page("screens/look.py", query_params={"cohort": cohort, "scan": wanted})
    numbers = intake(cohort)
    if numbers is None or "decisions_needed" not in numbers:
        empty("This collection was read by an earlier version. Add its folder again to get a quality report.")
        return
    show_request_error()
    job = job_of_page("decide")
    if job:
        job_card(job)
    done = st.session_state.pop("decided", None)
    if isinstance(done, WorkbenchError):
        show_error(done)
    elif done:
        st.success(escape(done), icon=":material/check_circle:")
    st.markdown(f"##### {escape(headline(numbers))}")
    privacy(cohort, numbers)
    for level, title in GROUPS:
        group(cohort, title, [finding for finding in numbers["findings"] if finding["level"] == level])
    composition(numbers)
    journal(cohort)
    report = workspace().cohort_dir(cohort) / "intake.html"
    if report.is_file():
        download(
            st, "Download the report (HTML)", report.read_bytes(), f"{cohort}-intake.html", "text/html",
            icon=":material/download:",
        )  # fmt: skip
    st.caption(f"Version of the collection: {open_cohort(cohort).version}. Everything after this points to a version.")
    engineer_details("decide", {"cohort": cohort, "action": "list"})


def headline(numbers: dict[str, Any]) -> str:
    """Files, pictures, patients, and how many findings wait."""
    totals, needed = numbers["totals"], numbers["decisions_needed"]
    waits = f"{count(needed, 'findings')} need your decision" if needed != 1 else "1 finding needs your decision"
    return (
        f"{count(totals['seen'], 'files')}: {count(totals['scans'], 'pictures')} of "
        f"{count(totals['patients'], 'patients')}. " + (f"{waits}." if needed else "Nothing needs your decision.")
    )


def privacy(cohort: str, numbers: dict[str, Any]) -> None:
    """The contact sheet and its signature; never folded away."""
    sheet = numbers.get("contact_sheet") or {}
    with st.container(border=True):
        st.markdown("##### Names in the picture?")
        suspects = sheet.get("suspects", 0)
        signed = sheet.get("signed_by")
        if signed:
            st.success(
                f"Signed by {escape(signed)} on {escape(str(sheet.get('signed_when', ''))[:10])}: somebody looked.",
                icon=":material/verified_user:",
            )
        st.markdown(
            f"{count(suspects, 'pictures')} may show text such as a name."
            if suspects
            else "No picture looks as if text stood on it. Headers do not always tell the truth."
        )
        st.caption("The contact sheet holds all suspects and 50 others by chance: five minutes, looked at once.")
        file = open_cohort(cohort).private / contact_sheet.PAGE
        made = file if file.is_file() else None
        with st.container(horizontal=True, vertical_alignment="bottom"):
            act(cohort, "Make the contact sheet" if made is None else "Make it anew", action="sheet")
            if made is not None:
                download(
                    st, "Open the contact sheet", made.read_bytes(), made.name, "text/html",
                    icon=":material/open_in_new:",
                    help="It shows pictures of patients: do not pass it on.",
                )  # fmt: skip
        if made is not None and not signed:
            named = st.text_input(
                "Pictures with a name on them (keys from the sheet, separated by commas); empty if there are none",
                key=f"named-{cohort}",
            )
            label = "Names seen: exclude these, and sign" if named.strip() else "No names seen: sign"
            act(cohort, label, icon=":material/draw:", sign=signed_in(), scans=named)


def group(cohort: str, title: str, findings: Sequence[dict[str, Any]]) -> None:
    """The findings of one level, those that wait first."""
    st.markdown(f"##### {title}")
    if not findings:
        st.caption(
            "Nothing." if title != GROUPS[0][1] else "Nothing. Looking at some pictures by chance is still wise."
        )
        return
    for finding in sorted(findings, key=lambda finding: bool(finding["decided"])):
        card(cohort, finding)


def card(cohort: str, finding: dict[str, Any]) -> None:
    """One finding: what, examples, what happens without a decision, the decisions."""
    with st.container(border=True):
        st.markdown(f"**{escape(finding['title'])}** · {finding['count']:,}")
        # what a command does here, the button below the sentence does
        st.markdown(escape(finding["sentence"].partition(" 'workbench ")[0]))
        tiles = examples(cohort, finding)
        if tiles:
            scan_grid(tiles, chosen="", on_choose=_look, name=f"Examples: {finding['title']}", key=f"x{finding['key']}")
        decided = finding["decided"]
        if decided:
            what = WORDS.get(decided["what"], "Looked through and signed")
            st.caption(f"Decided: {what}, by {escape(decided['who'])}. It can be undone under *Decisions so far*.")
            return
        if finding["default"]:
            st.caption(f"Without a decision: {escape(finding['default'])}")
        if finding["code"] == COMPARE:
            st.button(
                "Compare them now", icon=":material/compare:", on_click=request_job,
                args=("decide", {"cohort": cohort, "action": "check"}),
            )  # fmt: skip
        if finding["choices"]:
            with st.container(horizontal=True):
                for choice in finding["choices"]:
                    act(
                        cohort, WORDS[choice], icon=ICONS[choice], action=choice, finding=finding["code"],
                        key=finding["key"],
                    )  # fmt: skip


def examples(cohort: str, finding: dict[str, Any]) -> list[Tile]:
    """Up to eight pictures of a finding; none where they may show a name or a face."""
    if not finding["list"] or finding.get("hidden"):
        return []
    file = workspace().cohort_dir(cohort) / finding["list"]
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = [row for row, _ in zip(csv.DictReader(stream), range(SHOWN), strict=False)]
    except OSError:
        return []
    user = signed_in()
    return [
        Tile(
            scan=row["scan_id"],
            url=thumbnail_address(user=user, cohort=cohort, scan=row["scan_id"]),
            caption=row.get("detail", ""),
            count=1,
            mark="",
        )
        for row in rows
        if row.get("scan_id")
    ]


def act(cohort: str, label: str, *, icon: str = "", key: str = "", **values: Any) -> None:
    """A button that decides."""
    st.button(
        label,
        key=f"act-{label}-{key}",
        icon=icon or None,
        on_click=_decide,
        args=({"cohort": cohort, "who": signed_in(), **values},),
    )


def _decide(values: dict[str, Any]) -> None:
    try:
        require("decide")
        settings = load_settings(DecideSettings, values=values)
        result: DecideResult = decide(settings, workspace=workspace(), progress=Progress(quiet=True))
    except WorkbenchError as error:
        st.session_state["decided"] = error
        return
    st.session_state["decided"] = result.summary().splitlines()[0]


def _look(scan: str) -> None:
    st.session_state["look-at"] = scan


def composition(numbers: dict[str, Any]) -> None:
    """Who and what is in the collection."""
    titles = {"sex": "Sex", "age": "Age", "scanner": "Scanner", "view_position": "View", "site": "Site"}
    rows = [
        {"": title, "Pictures": ", ".join(f"{name}: {number:,}" for name, number in list(found.items())[:8])}
        for column, title in titles.items()
        if (found := numbers["distributions"].get(column))
    ]
    if rows:
        st.markdown("##### Who and what is in it")
        st.table(rows, border="horizontal")


def journal(cohort: str) -> None:
    """Every decision, with who and when; each can be undone."""
    from workbench.cohort import decisions

    acts = decisions.acts(workspace().cohort_dir(cohort))
    if not acts:
        return
    with st.expander(f"Decisions so far ({len(acts)})", icon=":material/history:"):
        for made in reversed(acts):
            left, right = st.columns([5, 1], vertical_alignment="center")
            state = " (undone)" if made.undone else ""
            left.markdown(f"{made.number}. {escape(made.reason)}, {escape(made.who)}, {made.when[:16]}{state}")
            if not made.undone and all(word != "withdraw" for word, _, _ in made.lines):
                with right:
                    act(
                        cohort, "Undo", icon=":material/undo:", action="undo", number=made.number, key=f"j{made.number}"
                    )


page("Check", "See what was found in your images, and take the few decisions that only a person can take.", body)
