"""The Python side of the viewer: what it shows, and what it asks for; the rest happens in the browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

FRONTEND = Path(__file__).with_name("frontend")
SCRIPTS = (
    *("frames.js", "greys.js", "view.js", "windows.js", "overlay.js", "legend.js", "gestures.js", "cine.js"),
    *("kept_view.js", "spoken.js", "tools.js"),
)
"""In the order in which they are joined; ``viewer.js`` comes last."""


@dataclass(frozen=True)
class Plane:
    """A view of the same stack from another side.

    Attributes:
        name: Such as ``Coronal``.
        url: Address of its frames.
        count: Frames.
    """

    name: str
    url: str
    count: int


@dataclass(frozen=True)
class Case:
    """What the viewer shows.

    Attributes:
        id: Names the case; frame and window are kept in the browser's tab under it.
        url: Address of its frames, to which a frame's number is added.
        count: Frames.
        start: The frame to begin with.
        title: A few words on the picture.
        note: A sentence below them, such as why there are no side views.
        view: What the frames are called where there are side views, such as ``Axial``.
        planes: The side views.
        overlay: ``url`` of a grey picture that covers the frame, its ``name``, and the ``frame`` it belongs to (or
            None for all).
    """

    id: str
    url: str
    count: int
    start: int
    title: str
    note: str = ""
    view: str = ""
    planes: tuple[Plane, ...] = ()
    overlay: dict[str, Any] | None = None


def viewer(
    case: Case,
    *,
    key: str = "viewer",
    ahead: Case | None = None,
    on_neighbour: Callable[[int], None] | None = None,
    bring_up: bool = False,
) -> None:
    """Draw the viewer.

    Args:
        case: What it shows.
        key: Of the component; the same on every run, so that the view survives.
        ahead: The case that will probably come next; its first frame is fetched ahead.
        on_neighbour: Called with -1 or 1 for the arrow keys to the left and right.
        bring_up: Whether the page scrolls to the viewer when it appears.
    """
    data = {**asdict(case), "neighbours": on_neighbour is not None, "bring_up": bring_up}
    if ahead is not None:
        data["ahead"] = {name: getattr(ahead, name) for name in ("id", "url", "count", "start")}

    def turned() -> None:
        asked = st.session_state[key].neighbour
        if on_neighbour is not None and asked and asked.get("by") in (-1, 1):
            on_neighbour(asked["by"])

    _component()(key=key, data=data, on_neighbour_change=turned, on_renew_change=lambda: None)


@lru_cache(maxsize=1)
def _component() -> Any:
    script = "\n".join((FRONTEND / name).read_text(encoding="utf-8") for name in (*SCRIPTS, "viewer.js"))
    return component(
        "workbench_viewer",
        html=(FRONTEND / "viewer.html").read_text(encoding="utf-8"),
        css=(FRONTEND / "viewer.css").read_text(encoding="utf-8"),
        js=script,
    )
