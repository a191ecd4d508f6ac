"""Choosing a folder on this computer: typed, or stepped into one level at a time, under the allowed roots only."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.allowed_roots import allowed, folders_in, relative_name, resolve
from app.components.frame import escape
from app.surroundings import roots

TYPED = "folder_typed"


def folder_picker() -> Path | None:
    """Draw the picker; returns the chosen folder, resolved, or None while nothing is chosen.

    Raises:
        InputError: What was typed cannot be used.
    """
    places = roots()
    st.session_state.setdefault(TYPED, str(places[0]) if places else "")
    st.text_input("Folder", key=TYPED, help="Type a path, or step into folders below.")
    chosen = resolve(st.session_state[TYPED], places)
    if not chosen.is_dir():
        return chosen
    inside = folders_in(chosen, places)
    into, up, start = st.columns([4, 1, 2], vertical_alignment="bottom")
    if inside:
        into.selectbox(
            f"Folders inside {relative_name(chosen, places)}",
            inside,
            index=None,
            key=f"into-{chosen}",
            format_func=lambda path: path.name,
            placeholder="Step into a folder ...",
            on_change=_step_into,
            args=(f"into-{chosen}",),
        )
    else:
        into.markdown(f"There are no folders inside {escape(relative_name(chosen, places))}.")
    parent = chosen.parent
    up.button(
        "Up", icon=":material/arrow_upward:", on_click=_go, args=(parent,), disabled=not allowed(parent, places),
        width="stretch",
    )  # fmt: skip
    if len(places) > 1:
        with start.popover("Start from", icon=":material/folder_open:", width="stretch"):
            for place in places:
                st.button(place.name or str(place), key=f"root-{place}", on_click=_go, args=(place,), width="stretch")
    return chosen


def _step_into(key: str) -> None:
    if st.session_state.get(key):
        _go(st.session_state[key])


def _go(folder: Path) -> None:
    st.session_state[TYPED] = str(folder)
