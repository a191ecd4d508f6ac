"""The gate of a team's app: sign-in before any page, out again after eight idle hours, nothing without a role."""

from __future__ import annotations

import json
import os
import time

import streamlit as st

from app.components.frame import NOTICE, escape
from app.signed_in import signed_in
from app.surroundings import workspace
from app.team import team
from workbench.runs.people import Person, person, seen, sign_in, sign_out
from workbench.runs.sign_in import OWNERS_VARIABLE

NOTED_S = 60.0


def gate() -> bool:
    """True for those who are in; everybody else gets the page that tells them how, and the run ends there."""
    if not team():
        return True
    if not st.user.is_logged_in:
        st.title("Imaging workbench", anchor=False)
        st.markdown("Sign in with your organisation's account.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        st.divider()
        st.caption(NOTICE)
        st.stop()
    known = _known()
    if known is None:
        st.info("You were away for more than eight hours, or signed out in another window.", icon=":material/logout:")
        st.logout()
        st.stop()
    elif not known.may("look"):
        st.title("No role yet", anchor=False)
        st.markdown(f"You have signed in as {escape(known.name)}, and nobody has given you a role here yet.")
        st.markdown("**What to do:** ask an owner or admin of this workspace, and tell them your account:")
        st.code(known.account, language=None)
        st.button("Sign out", icon=":material/logout:", on_click=_leave)
        st.stop()
    return True


def signed_in_line() -> None:
    """Who is in, with which role, and the way out."""
    known = person(workspace(), signed_in()) if team() else None
    if known is not None:
        st.caption(f"Signed in as {escape(known.name)} ({known.role})")
        st.button("Sign out", icon=":material/logout:", on_click=_leave, key="sign_out")


def _known() -> Person | None:
    """Who has signed in; None if that has run out."""
    account, signed = signed_in(), float(str(st.user.get("iat") or 0))
    found = person(workspace(), account)
    if found is None or signed > found.signed or found.issuer != str(st.user.get("iss")):
        name = str(st.user.get("name") or st.user.get("email") or account)
        owners = json.loads(os.environ.get(OWNERS_VARIABLE) or "[]")
        return sign_in(workspace(), account, name, str(st.user.get("iss")), owners=owners, signed=signed)
    if time.time() - found.seen < NOTED_S or seen(workspace(), account):
        return found
    return None


def _leave() -> None:
    sign_out(workspace(), signed_in())
    st.logout()
