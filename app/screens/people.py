"""People and settings: who may do what, what was done, the keys and the versions of this workspace."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform

import pandas as pd
import streamlit as st

from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import empty, escape, guarded, page, show_error
from app.roles import ACTIONS, allowed, require
from app.signed_in import signed_in
from app.surroundings import roots, workspace
from app.team import team
from app.wording import when, zone_of
from workbench.cohort.keys import SiteKey
from workbench.errors import WorkbenchError
from workbench.runs.audit_log import EVENTS, entries
from workbench.runs.people import ROLES, give_role, people, person

VIEWS = ("People", "Audit log", "This workspace")
PACKAGES = ("medical-imaging-workbench", "streamlit", "pydicom", "torch", "monai", "timm", "mlflow")
WHERE = ("The site's key, kept outside", "The workspace's own key, fit for public images only")
PURPOSE = "makes the pseudonyms of patients; keep it secret, and a copy elsewhere"


def body() -> None:
    """One of the three views."""
    view = st.segmented_control(
        "Show", VIEWS, default=VIEWS[0], key="view", bind="query-params", label_visibility="collapsed"
    )
    guarded({VIEWS[1]: audit_log, VIEWS[2]: this_workspace}.get(view or VIEWS[0], who_may_what))()


def who_may_what() -> None:
    """Everybody with their role; admins change it."""
    if not team():
        empty(
            f"You ({signed_in()}) are the only user, and may do everything. For a team, set up your organisation's "
            "sign-in: section [auth] in .streamlit/secrets.toml, then start the app again."
        )
        return
    error = st.session_state.pop("role_error", None)
    if error is not None:
        show_error(error)
    zone = zone_of(st.context.timezone)
    for one in people(workspace()):
        name, role = st.columns([3, 2])
        name.markdown(f"**{escape(one.name)}**  \n{escape(one.account)}")
        name.caption(f"Last seen {when(one.seen, zone)}" if one.seen else "Signed out")
        role.selectbox(
            f"Role of {one.name}",
            list(ROLES),
            index=list(ROLES).index(one.role),
            key=f"role-{one.account}",
            disabled=not allowed("manage"),
            on_change=_give,
            args=(one.account,),
            label_visibility="collapsed",
        )
    if not allowed("manage"):
        st.caption("Only admins and owners change roles.")
    st.markdown("##### What each role may do")
    table = {role: ["yes" if action in may else "" for action in ACTIONS] for role, may in ROLES.items()}
    st.table(pd.DataFrame(table, index=[words.capitalize() for words in ACTIONS.values()]))


def audit_log() -> None:
    """Who did what and when; nothing in it can be changed."""
    left, right = st.columns(2)
    text = left.text_input("Find (person, thing, detail)", key="find", bind="query-params")
    event = right.selectbox("What", ["", *EVENTS], format_func=lambda one: EVENTS.get(one, "Everything"), key="event")
    found = entries(workspace(), containing=text, event=event)
    if not found:
        empty("Nothing in the log matches." if text or event else "Nothing has been logged yet.")
        return
    zone = zone_of(st.context.timezone)
    table = pd.DataFrame(
        {
            "No.": one.number,
            "When": when(one.at, zone),
            "Who": one.who,
            "What": EVENTS[one.event],
            "About": one.subject,
            "Details": json.dumps(one.details, ensure_ascii=False),
        }
        for one in found
    )
    st.dataframe(table, hide_index=True, alt="Entries of the audit log, newest first")
    utc = [datetime.datetime.fromtimestamp(one.at, datetime.UTC).isoformat(timespec="seconds") for one in found]
    text_of = table.assign(When=utc).to_csv(index=False)
    download(st, "Download these entries (CSV)", text_of, "audit-log.csv", icon=":material/download:")


def this_workspace() -> None:
    """Where it lies, its keys, the folders that may be read, versions."""
    place = workspace()
    st.markdown(f"**Workspace:** {escape(place.root.name)}  \n**Folders that may be read:** {len(roots())}")
    st.markdown("##### Keys")
    keys = [key for key in (SiteKey.file(), place.root / "site.key") if key.is_file()]
    if not keys:
        empty("No key yet: it is made with the first collection.")
    for key in keys:
        mode = key.stat().st_mode & 0o777
        reach = "readable by its owner only" if not mode & 0o077 else "readable by others: make it private (chmod 600)"
        st.markdown(f"- {WHERE[key.parent == place.root]}: {PURPOSE}; {reach}.")
    st.markdown("##### Versions")
    rows = {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}
    st.table(pd.DataFrame({"Version": rows}))
    engineer_details("doctor", {})


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _give(account: str) -> None:
    try:
        require("manage")
        give_role(workspace(), account, st.session_state[f"role-{account}"], who=signed_in())
    except WorkbenchError as error:
        st.session_state["role_error"] = error
        before = person(workspace(), account)
        if before is not None:
            st.session_state[f"role-{account}"] = before.role


page("People and settings", "Who may do what here, what was done, and what this workspace is made of.", guarded(body))
