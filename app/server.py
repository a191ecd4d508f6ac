"""The app's server: the pages, the addresses of pictures beside them, and what is said when a page fails."""

from __future__ import annotations

import logging
import sys

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit import config

from app.components.frame import show_failure
from app.entrance import EntranceMiddleware, entrance_of
from app.frames.routes import routes
from app.team import team
from workbench.errors import InputError
from workbench.runs.sign_in import check_reach


def _failed(error: Exception) -> bool:
    """A failure outside the body of a page, such as in a button's callback: said in words, its text to the log."""
    logging.getLogger("workbench.app").error("A page failed", exc_info=error)
    show_failure()
    return True


def _middleware() -> list[Middleware]:
    """Host check and, where no team signs in, the entrance by link; refuses to serve others without a sign-in."""
    address = config.get_option("server.address") or ""
    try:
        signing = team()
        check_reach(address, team=signing)
    except InputError as error:
        sys.exit(f"Error: {error}")
    hosts = list(config.get_option("server.allowedHosts"))
    # Streamlit checks the host of its own connection only; pictures and pages must not answer to another name either.
    stack = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)] if hosts else []
    if not signing:
        entrance = entrance_of(f"http://{address}:{config.get_option('server.port')}")
        stack.append(Middleware(EntranceMiddleware, entrance=entrance))
    return stack


app = st.App("main.py", routes=routes(), middleware=_middleware(), on_script_error=_failed)
