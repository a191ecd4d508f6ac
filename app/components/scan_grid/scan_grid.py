"""The Python side of the grid: the tiles, and what happens when one is picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

FRONTEND = Path(__file__).with_name("frontend")


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        scan: What is picked with it.
        url: Address of its thumbnail.
        caption: A few words below it.
        count: Pictures in its stack.
        mark: A word in its corner, such as a finding; or ''.
    """

    scan: str
    url: str
    caption: str
    count: int = 1
    mark: str = ""


def scan_grid(
    tiles: Sequence[Tile], *, chosen: str, on_choose: Callable[[str], None], name: str, key: str = "scan_grid"
) -> None:
    """Draw the grid.

    Args:
        tiles: What it shows, in order.
        chosen: The scan that is picked, or ''.
        on_choose: Called with the scan of a tile when it is picked.
        name: What the tiles are, for those who cannot see them.
        key: Of the component.
    """
    known = {tile.scan for tile in tiles}

    def picked() -> None:
        scan = st.session_state[key].chosen
        if scan in known:
            on_choose(scan)

    data = {"tiles": [asdict(tile) for tile in tiles], "chosen": chosen, "name": name}
    _component()(key=key, data=data, on_chosen_change=picked)


@lru_cache(maxsize=1)
def _component() -> Any:
    html, css, script = ((FRONTEND / f"scan_grid.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return component("workbench_scan_grid", html=html, css=css, js=script)
