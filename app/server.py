"""The app's server: the pages, the addresses of pictures beside them, and what is said when a page fails."""

from __future__ import annotations

import logging

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit import config

from app.components.frame import show_failure
from app.frames.routes import routes


def _failed(error: Exception) -> bool:
    """A failure outside the body of a page, such as in a button's callback: said in words, its text to the log."""
    logging.getLogger("workbench.app").error("A page failed", exc_info=error)
    show_failure()
    return True


hosts = list(config.get_option("server.allowedHosts"))
app = st.App(
    "main.py",
    routes=routes(),
    # Streamlit checks the host of its own connection only; pictures and pages must not answer to another name either.
    middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)] if hosts else [],
    on_script_error=_failed,
)
