"""Fixtures of the app's tests: a workspace that the app reads, and its pages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.fabricated import index_scans, make_pretraining
from tests.app.serving import CHROMIUM, FLAGS, Server, admit
from workbench.runs.workspace import Workspace

APP = Path(__file__).resolve().parents[2] / "app"


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest puts its script in the place of ``__main__``, which processes that a later test starts would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace that the app reads."""
    import streamlit as st

    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.setenv("WORKBENCH_WORKSPACE", str(root))
    monkeypatch.setenv("WORKBENCH_ROOTS", f'["{root}"]')
    st.cache_data.clear()
    yield Workspace(root)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a labelled cohort, indexed once; its scans stay where they are."""
    key = tmp_path_factory.getbasetemp() / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    root = tmp_path_factory.mktemp("template") / "workspace"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        index_scans(Workspace(root), patients=40)
    return root


@pytest.fixture
def furnished(workspace: Workspace, template: Path) -> Workspace:
    """The workspace with a labelled cohort and two pretraining runs."""
    shutil.copytree(template / "data_manifests", workspace.cohorts_dir)
    make_pretraining(workspace, "overnight", epochs=12, planned=12)
    make_pretraining(workspace, "halfway", epochs=5, planned=20, state="stopped", message="Saved after pass 5.")
    return workspace


@pytest.fixture
def screen(workspace: Workspace) -> Callable[..., AppTest]:
    """Runs one page, with what its address says."""

    def run(name: str, **address: str) -> AppTest:
        page = AppTest.from_file(str(APP / "main.py"), default_timeout=30)
        page.run()
        if name != "home":
            page.switch_page(f"screens/{name}.py")
        for key, value in address.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception, page.exception
        return page

    return run


@pytest.fixture
def server(furnished: Workspace) -> Iterator[Server]:
    """The app at work on the furnished workspace."""
    server = Server(furnished)
    yield server
    server.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator:
    """Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=FLAGS,
            viewport={"width": 1280, "height": 900},
        )  # fmt: skip
        yield admit(context)
        context.close()
