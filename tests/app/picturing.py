"""Screenshots of every page in every state: ``python -m tests.app.picturing FOLDER [WORKSPACE]``.

With a workspace, such as the demo's, only the pages that README and tutorial show are taken, from that workspace.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.app.serving import CHROMIUM, FLAGS, Server, admit
from tests.app.states import EMPTY, FURNISHED, State, furnish
from workbench.runs.workspace import Workspace

SHOWN = [
    State("home", "", "Test before you trust"),
    State("check", "check", "Names in the picture?"),
    State("look", "look", "pictures"),
    State("learn", "learn?view=Earlier+runs", "Look at"),
    State("study", "study", "Labelled"),
    State("groups", "groups", "What is not recorded"),
]
SIZE = {"width": 1280, "height": 900}


@contextmanager
def chromium(**more: Any) -> Iterator[Any]:
    """Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as profile, sync_playwright() as play:
        options = {"viewport": SIZE, "args": FLAGS, **more}
        context = play.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, **options
        )  # fmt: skip
        yield admit(context)
        context.close()


def show(page: Any, server: Server, state: State) -> None:
    """Open a page in a state, and wait until all of it stands there.

    Raises:
        playwright.sync_api.TimeoutError: It does not show what it must.
    """
    page.goto(f"{server.url}/{state.address}")
    page.wait_for_selector("text=not for diagnosis", timeout=30_000)
    page.get_by_text(state.shows).locator("visible=true").first.wait_for(timeout=20_000)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stApp][data-test-script-state=running]') && "
        "!document.querySelector('[data-testid=stSkeleton]') && "
        "[...document.images].every(image => image.complete)",
        timeout=60_000,
    )
    page.wait_for_timeout(400)


def picture(states: Sequence[State], workspace: Workspace, folder: Path) -> list[str]:
    """Write one PNG per state, as long as the page is; returns the states that did not show what they must."""
    from playwright.sync_api import TimeoutError as TooLate

    amiss = []
    server = Server(workspace)
    try:
        with chromium() as context:
            page = context.new_page()
            for state in states:
                try:
                    show(page, server, state)
                except TooLate:
                    amiss.append(f"{state.name}: '{state.shows}' did not come")
                # the viewer is as high as the window; a page with one is taken as it first stands there
                whole = page.evaluate(
                    "() => document.querySelector('canvas[role=application], [role=application] canvas') ? 0 "
                    ": document.querySelector('[data-testid=stMain]').scrollHeight"
                )
                page.set_viewport_size({**SIZE, "height": min(max(int(whole), SIZE["height"]), 4000)})
                page.wait_for_timeout(300)
                page.screenshot(path=folder / f"{state.name}.png")
                page.set_viewport_size(SIZE)
                print(folder / f"{state.name}.png", flush=True)
    finally:
        server.close()
    return amiss


def main(words: Sequence[str]) -> int:
    """Take them."""
    if not 1 <= len(words) <= 2:
        print(__doc__)
        return 2
    folder = Path(words[0])
    folder.mkdir(parents=True, exist_ok=True)
    if len(words) == 2:
        return _say(picture(SHOWN, Workspace(Path(words[1])), folder))
    amiss: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        key = Path(scratch) / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        os.environ["WORKBENCH_SITE_KEY_FILE"] = str(key)
        for name, states in (("empty", EMPTY), ("furnished", FURNISHED)):
            workspace = Workspace(Path(scratch) / name)
            workspace.root.mkdir()
            if states is FURNISHED:
                furnish(workspace)
            amiss += picture(states, workspace, folder)
    return _say(amiss)


def _say(amiss: Sequence[str]) -> int:
    for sentence in amiss:
        print(sentence)
    return bool(amiss)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
