"""The page Look and its viewer in a real browser: wheel, keys, window, pictures by token only, reload."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.app.fabricated import write_dicom
from tests.app.serving import IN_BROWSER, SCREENSHOTS, Server
from workbench.config import load_settings
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

pytestmark = IN_BROWSER

FRAMES = 120
SIDE = 64


def stack_of_slices(folder: Path) -> None:
    """A CT of 120 slices: slice ``n`` is ``n - 1000`` HU everywhere but for a ramp of 0 to 63 HU in its first row."""
    for number in range(FRAMES):
        pixels = np.full((SIDE, SIDE), number - 1000 + 1024, np.uint16)
        pixels[0] = np.arange(SIDE) + 1024
        write_dicom(
            folder / f"{number:03d}.dcm", pixels, patient="P1", number=number, Modality="CT",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SeriesInstanceUID="1.2.3.77", StudyInstanceUID="1.2.3.7",
            BodyPartExamined="HEAD", ViewPosition="", RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40,
            WindowWidth=400, PixelSpacing=[0.5, 0.5], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, 2.0 * number], SliceThickness=2, FrameOfReferenceUID="1.2.3.4.9",
            BitsStored=16, HighBit=15,
        )  # fmt: skip


@pytest.fixture
def shown(furnished: Workspace, tmp_path: Path) -> Workspace:
    """The furnished workspace with a CT beside the radiographs."""
    stack_of_slices(tmp_path / "ct")
    model, index = VERBS["index"].load()
    values = {"sources": [str(tmp_path / "ct")], "cohort": "ct", "workers": 1}
    index(load_settings(model, values=values), workspace=furnished)
    return furnished


@pytest.fixture
def server(shown: Workspace) -> Iterator[Server]:
    server = Server(shown)
    yield server
    server.close()


def open_stack(page, server: Server):
    """The CT in the viewer, by a click on its tile; returns the stage, with the pointer on it."""
    page.goto(f"{server.url}/look?cohort=ct")
    page.locator(".grid button").first.click()
    page.wait_for_selector(f'.stage[data-shown="{FRAMES // 2}"]', timeout=30_000)
    stage = page.locator(".stage")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    stage.focus()
    return stage


def at(page, number: int) -> None:
    page.wait_for_selector(f'.stage[data-shown="{number}"]', timeout=10_000)


def legend(page, part: str) -> str:
    """What the legend says in one of its parts, once it is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return " ".join(page.locator(f".legend .{part}").inner_text().split())


def grey(page, across: float = 0.5, down: float = 0.5) -> int:
    """The grey at a place of the stage, as it is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    script = """([across, down]) => {
        const host = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')];
        const canvas = host.map((one) => one.shadowRoot.querySelector('canvas')).find(Boolean);
        const data = canvas.getContext('2d').getImageData(
            Math.floor(canvas.width * across), Math.floor(canvas.height * down), 1, 1).data;
        return data[0];
    }"""
    return page.evaluate(script, [across, down])


def test_the_viewer_scrolls_windows_and_zooms_without_asking_python(server: Server, browser) -> None:
    page = browser.new_page()
    sent: list[bytes] = []

    def note(payload: bytes) -> None:
        if not BackMsg.FromString(payload).rerun_script.is_auto_rerun:  # the sidebar's job chip asks by the clock
            sent.append(payload)

    page.on("websocket", lambda socket: socket.on("framesent", note))
    stage = open_stack(page, server)
    page.wait_for_timeout(1500)
    before = len(sent)

    page.keyboard.press("Home")
    at(page, 0)
    for _ in range(100):
        page.mouse.wheel(0, 100)
    at(page, 100)
    assert stage.get_attribute("aria-label") == "Image viewer, frame 101 of 120"
    for key, place in (("ArrowUp", 99), ("PageUp", 89), ("PageDown", 99), ("ArrowDown", 100), ("End", 119),
                       ("ArrowDown", 119), ("Home", 0)):  # fmt: skip
        page.keyboard.press(key)
        at(page, place)

    # Slice 0 is -1000 HU: black in the soft tissue window of the file; the lung window makes it 58.
    assert grey(page) == 0
    assert "C 40 W 400 (as stored)" in legend(page, "window")
    page.keyboard.press("Alt+1")
    assert grey(page) == round(255 * (-1000 + 600.5) / 1499 + 127.5)
    page.keyboard.press("i")
    assert grey(page) == 255 - round(255 * (-1000 + 600.5) / 1499 + 127.5)
    page.keyboard.press("i")
    page.keyboard.press("Alt+5")
    assert grey(page) == 0

    page.keyboard.press("End")  # -881 HU
    at(page, 119)
    box = stage.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.down()
    page.mouse.move(middle[0] + 200, middle[1] - 250, steps=10)
    page.mouse.up()
    words = legend(page, "window")
    assert "(own)" in words
    centre, width = 40 - 250 * 400 / 300, 400 * float(np.exp(1))
    assert f"C {centre:.0f}".replace("-", "−") in words and f"W {width:.0f}" in words
    assert grey(page) == round(255 * min(1, max(0, (-881 - (centre - 0.5)) / (width - 1) + 0.5)))

    size = legend(page, "under")
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    assert legend(page, "under") != size
    page.mouse.dblclick(*middle)
    assert legend(page, "under").endswith(" ".join(size.split()[-2:]))
    page.keyboard.press("h")
    assert not page.locator(".legend .place").is_visible()
    page.keyboard.press("h")
    page.keyboard.press("f")
    assert page.locator(".viewer").bounding_box()["width"] == 1280
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "viewer-large.png")
    page.keyboard.press("Escape")
    assert page.locator(".viewer").bounding_box()["width"] < 1000
    page.keyboard.press("r")
    page.keyboard.press("c")
    page.wait_for_timeout(500)
    assert len(sent) == before
    page.keyboard.press("ArrowRight")  # what does ask Python is seen here
    page.wait_for_timeout(1000)
    assert len(sent) == before + 1
    assert page.get_by_text("Clear caches").count() == 0


def test_cine_plays_and_pauses(server: Server, browser) -> None:
    page = browser.new_page()
    stage = open_stack(page, server)
    page.keyboard.press(" ")
    page.wait_for_function(
        f"""() => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].some((one) => {{
            const stage = one.shadowRoot.querySelector('.stage');
            return stage && Number(stage.dataset.shown) > {FRAMES // 2 + 4};
        }})""",
        timeout=10_000,
    )
    assert "10 per second; the file states no speed" in page.locator(".spoken").text_content()
    page.keyboard.press(" ")
    page.wait_for_timeout(200)
    stood = stage.get_attribute("data-shown")
    page.wait_for_timeout(500)
    assert stage.get_attribute("data-shown") == stood


def test_what_the_picture_says_of_itself(server: Server, browser) -> None:
    page = browser.new_page()
    stage = open_stack(page, server)
    sides = {side: page.locator(f".legend .{side}").inner_text() for side in ("left", "right", "top", "bottom")}
    assert sides == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert "−940 HU" in legend(page, "under")
    assert legend(page, "bar").endswith("mm")
    assert page.get_by_text("Screen not calibrated for diagnosis.", exact=True).is_visible()
    page.wait_for_timeout(700)
    told = page.locator("#told").text_content()
    assert "64 by 64 pixels" in told and "Left of the picture: R" in told
    outline = stage.evaluate("(it) => getComputedStyle(it).outlineStyle + getComputedStyle(it).outlineWidth")
    assert outline == "solid3px"
    # A radiograph whose header does not state its sides, and whose pixels are known at the detector only.
    page.goto(f"{server.url}/look?cohort=chest")
    page.locator(".grid button").first.click()
    at(page, 0)
    assert legend(page, "left") == "?"
    assert "Left and right are not stated" in legend(page, "title")
    assert legend(page, "bar").endswith("mm at detector")
    page.screenshot(path=SCREENSHOTS / "look.png")


def test_a_reload_keeps_filters_page_picture_frame_and_window(server: Server, browser) -> None:
    page = browser.new_page()
    open_stack(page, server)
    page.keyboard.press("PageDown")
    page.keyboard.press("Alt+3")
    at(page, FRAMES // 2 + 10)
    page.wait_for_timeout(600)
    address = page.url
    assert "scan=" in address
    page.reload()
    at(page, FRAMES // 2 + 10)
    assert page.url == address
    assert "C 400 W 1800 (bone)" in legend(page, "window")
    page.goto(f"{server.url}/look?cohort=chest&only_view_position=AP&page=1&show=48")
    page.wait_for_selector(".grid button", timeout=30_000)
    tiles = page.locator(".grid button").count()
    assert 0 < tiles <= 48
    page.reload()
    page.wait_for_selector(".grid button", timeout=30_000)
    assert page.locator(".grid button").count() == tiles
    assert all("AP" in label for label in page.locator(".grid .words").all_inner_texts())


def test_arrow_keys_turn_to_the_neighbour_and_pictures_load(server: Server, browser) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/look?cohort=chest")
    page.locator(".grid button").nth(1).click()
    at(page, 0)
    page.wait_for_function("() => location.search.includes('scan=')")
    first = page.url
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => location.href !== {json.dumps(first)}", timeout=10_000)
    page.wait_for_selector('.grid li:nth-child(3) button[aria-current="true"]', timeout=10_000)
    at(page, 0)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => location.href === {json.dumps(first)}", timeout=10_000)
    loaded = page.locator(".grid img").evaluate_all("(all) => all.filter((one) => one.naturalWidth > 0).length")
    assert loaded >= 6


def test_pictures_are_for_holders_of_a_token_only(server: Server, browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/x/" in request.url else None)
    open_stack(page, server)
    frame = next(url for url in asked if "/x/frame/" in url)
    assert status(frame) == 401
    cookie = "=".join(server.cookie or ())
    assert status(frame, Cookie=cookie) == 200
    token = frame.split("/")[5]
    for url in (
        f"{server.url}/x/",
        f"{server.url}/x/frame/0",
        frame.replace(token, "A" + token[1:]),
        frame.replace(token, token[:-1]),
        frame.replace(token, token.partition(".")[0]),
    ):
        assert status(url, Cookie=cookie) == 401, url
    assert status(frame, Host="evil.example", Cookie=cookie) == 400
    assert status(server.url, Host="evil.example") == 400


def test_a_frame_that_cannot_be_fetched_is_told_and_the_next_one_works(
    server: Server,
    browser,
    shown: Workspace,
    tmp_path: Path,
) -> None:
    (tmp_path / "ct" / "118.dcm").unlink()
    page = browser.new_page()
    open_stack(page, server)
    page.keyboard.press("End")
    at(page, 119)
    page.keyboard.press("ArrowUp")
    page.wait_for_selector("text=no longer where it was indexed", timeout=10_000)
    page.keyboard.press("ArrowUp")
    at(page, 117)
    assert not page.get_by_text("no longer where it was indexed").is_visible()


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
