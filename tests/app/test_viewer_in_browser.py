"""The viewer by itself in a browser: a map over the picture, markup in what it is told, a film, a renewed address."""

from __future__ import annotations

import base64
import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.catalogue import catalogue
from tests.app.serving import IN_BROWSER
from tests.dicom.making import picture
from workbench.config import load_settings
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

pytestmark = IN_BROWSER
EVIL = "<img src=x onerror=alert(1)> **b**"
PAGE = """
import streamlit as st
from app.components.viewer import Case, viewer
from app.frames.routes import frames_address

scan = {scan!r}
url = frames_address(user="a", cohort="chest", scan=scan)
viewer(Case(id="c", url=url, count=1, start=0, title={evil!r}, note={evil!r},
            overlay={{"url": {map!r}, "name": "Where the model looked", "frame": None}}))
"""
FILM = """
import streamlit as st
from app.components.viewer import Case, viewer
from app.frames import tokens
from app.frames.routes import frames_address

tokens.VALID_S = 2
scan = {scan!r}
viewer(Case(id="film", url=frames_address(user="a", cohort="film", scan=scan), count=60, start=0, title="Film"))
"""
SERVER = """
import streamlit as st
from app.frames.routes import routes
app = st.App("page.py", routes=routes())
"""


class Alone:
    """A server with one page, which is the viewer."""

    def __init__(self, folder: Path, page: str) -> None:
        (folder / "page.py").write_text(page)
        (folder / "server.py").write_text(SERVER)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        words = [sys.executable, "-m", "streamlit", "run", str(folder / "server.py"), "--server.port"]
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [*words, str(port)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the page did not answer")

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


@pytest.fixture
def alone(furnished: Workspace, tmp_path: Path) -> Iterator[Alone]:
    heat = np.zeros((8, 8), np.uint8)
    heat[:, 4:] = 255
    stream = io.BytesIO()
    Image.fromarray(heat).save(stream, "PNG")
    covering = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    scan = str(catalogue("chest").table["scan_id"][0])
    folder = tmp_path / "alone"
    folder.mkdir()
    alone = Alone(folder, PAGE.format(scan=scan, evil=EVIL, map=covering))
    yield alone
    alone.close()


def colour(page, across: float, down: float = 0.5) -> list[int]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate(
        """([across, down]) => {
            const root = document.querySelector('[data-testid="stBidiComponentIsolated"]').shadowRoot;
            const canvas = root.querySelector('canvas');
            const side = Math.min(canvas.width, canvas.height);
            const x = (canvas.width - side) / 2 + across * side, y = (canvas.height - side) / 2 + down * side;
            return [...canvas.getContext('2d').getImageData(Math.floor(x), Math.floor(y), 1, 1).data].slice(0, 3);
        }""",
        [across, down],
    )


def slide(page, name: str, value: int) -> None:
    page.locator(f'[name="{name}"]').evaluate(
        "(it, value) => { it.value = String(value); it.dispatchEvent(new Event('input')); }", value
    )


def test_a_map_covers_the_picture_as_strongly_as_wished(alone: Alone, browser) -> None:
    page = browser.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(alone.url)
    page.wait_for_selector('.stage[data-shown="0"]', timeout=30_000)
    assert page.locator(".overlay span").inner_text() == "Where the model looked"
    page.wait_for_timeout(300)
    slide(page, "overlay", 0)
    plain = colour(page, 0.9), colour(page, 0.1)
    assert len(set(plain[0])) == len(set(plain[1])) == 1
    slide(page, "overlay", 100)
    red, green, blue = colour(page, 0.9)
    assert (red, green, blue) == (254, 232, 56)  # the upper end of cividis
    assert colour(page, 0.1) == plain[1]  # where the map is zero the picture is as it was
    assert min(colour(page, 0.5625)) > 200  # the outline is white
    slide(page, "overlay", 50)
    half = colour(page, 0.9)
    assert half == pytest.approx([(a + b) / 2 for a, b in zip(plain[0], (254, 232, 56), strict=True)], abs=1)
    # What the viewer was told is shown as text.
    assert page.locator(".legend .title").inner_text().splitlines()[:2] == [EVIL, EVIL]
    assert alerts == [] and page.locator('img[src="x"]').count() == 0


def test_a_film_plays_at_its_speed_and_an_address_that_ran_out_is_renewed(
    furnished: Workspace, tmp_path: Path, browser
) -> None:
    films = tmp_path / "film"
    films.mkdir()
    frames = np.arange(60, dtype=np.uint16)[:, None, None] + np.zeros((60, 16, 16), np.uint16)
    (films / "film.dcm").write_bytes(picture(frames, "XA", FrameTime=40))
    model, index = VERBS["index"].load()
    index(load_settings(model, values={"sources": [str(films)], "cohort": "film", "workers": 1}), workspace=furnished)
    film = catalogue("film")
    assert len(film.table) == 60
    text = FILM.format(scan=str(film.table["scan_id"][0]))
    folder = tmp_path / "alone"
    folder.mkdir()
    alone = Alone(folder, text)
    try:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/x/frame/" in request.url else None)
        page.goto(alone.url)
        page.wait_for_selector('.stage[data-shown="0"]', timeout=30_000)
        page.locator(".stage").focus()
        page.keyboard.press(" ")
        assert page.locator(".spoken").text_content() == "Playing, 25 per second"
        page.keyboard.press(" ")
        page.wait_for_timeout(4500)  # the addresses of this page live for two to four seconds
        page.keyboard.press("End")
        page.wait_for_selector('.stage[data-shown="59"]', timeout=20_000)
        assert not page.locator(".problem").is_visible()
        assert len({url.split("/")[5] for url in asked}) >= 2
    finally:
        alone.close()
