"""Whether a team signs in, and the account of whoever uses the app."""

from __future__ import annotations

import functools
import getpass
from pathlib import Path

import streamlit as st
from streamlit import config

from workbench.runs.sign_in import team_address


@functools.cache
def team() -> bool:
    """Whether people sign in; decided once, when the server starts.

    Raises:
        InputError: The settings of the sign-in are not whole.
    """
    return any(team_address(Path(file)) for file in config.get_option("secrets.files"))


def account() -> str:
    """The account that signed in, '' before that; the name of this computer's user where nobody has to sign in."""
    return str(st.user.get("sub") or "") if team() else getpass.getuser()
