"""The frame of every page: title, one sentence of purpose, errors in words, the notice at the foot."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import streamlit as st

from workbench.errors import WorkbenchError

NOTICE = "For research. Not a medical device; not for diagnosis."
log = logging.getLogger("workbench.app")


def page(title: str, purpose: str, body: Callable[[], None]) -> None:
    """Draw one page.

    Args:
        title: Its title, with the technical word in brackets.
        purpose: One sentence: what it is for.
        body: Draws the rest.
    """
    st.title(title, anchor=False)
    st.markdown(purpose)
    guarded(body)()
    st.divider()
    st.caption(NOTICE)


def guarded(body: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with errors said in words: the user's own with what to do, others without internals."""

    @functools.wraps(body)
    def safe(*args: Any, **kwargs: Any) -> Any:
        try:
            return body(*args, **kwargs)
        except WorkbenchError as error:
            show_error(error)
        except Exception:
            log.exception("A page failed")
            show_failure()
        return None

    return safe


def show_failure() -> None:
    """Say that something unforeseen went wrong; its text is in the log."""
    st.error(
        "This part of the page could not be shown. Nothing was lost: jobs and results are kept apart from this page. "
        "What to do: reload the page; if it comes again, hand on the last lines of the window in which the app was "
        "started.",
        icon=":material/error:",
    )


def show_error(error: WorkbenchError) -> None:
    """Say what happened, where, and what to do."""
    st.error(text(error), icon=":material/error:")


def text(error: WorkbenchError) -> str:
    """An error as Markdown in which nothing that came from a file is markup."""
    parts = [escape(error.what)]
    if error.where:
        parts.append(f"Where: {escape(error.where)}")
    if error.todo:
        parts.append(f"**What to do:** {escape(error.todo)}")
    return "  \n".join(parts)


def escape(value: object) -> str:
    """Text as Markdown that shows exactly that text: no markup, no HTML, no emoji codes, no formulas."""
    shown = str(value).replace("\\", "\\\\")
    for character in "`*_{}[]()<>#+-.!|~$:":
        shown = shown.replace(character, "\\" + character)
    return shown.replace("\n", "  \n")


def empty(sentence: str) -> None:
    """Say that there is nothing here yet, and what would change that."""
    st.info(sentence, icon=":material/info:")
