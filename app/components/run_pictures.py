"""The contact sheets that a run leaves in its folder: reconstructions, views, saliency; shown from disk."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.components.frame import escape

MOST = 6


def run_pictures(folder: Path, title: str, *patterns: str, note: str = "") -> int:
    """Show up to six PNG files of a run, the newest first; returns how many were shown.

    Args:
        folder: The run folder.
        title: A line above them, if there are any.
        patterns: Which files, such as ``pictures/*.png``.
        note: A line below.
    """
    files = sorted({file for pattern in patterns for file in folder.glob(pattern)}, key=lambda file: file.name)
    shown = files[-MOST:]
    if not shown:
        return 0
    st.markdown(f"###### {title}")
    for column, file in zip(st.columns(min(2, len(shown))) * MOST, shown, strict=False):
        words = file.stem.replace("-", " ").replace("_", " ")
        column.image(str(file), caption=escape(words), width="stretch", alt=words)
    if note:
        st.caption(note)
    return len(shown)
