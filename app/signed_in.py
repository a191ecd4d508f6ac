"""Who uses the app."""

from __future__ import annotations

import getpass

import streamlit as st


def signed_in() -> str:
    """The signed-in person's identifier; the name of this computer's user where nobody has to sign in."""
    return str(st.user.get("sub") or getpass.getuser())
