"""The app's server as ``workbench app`` starts it, and what the browser tests share."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

import pytest

from workbench.runs.workspace import Workspace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium was not found"),
]
SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Server:
    """The app's server, as ``workbench app`` starts it, and the cookie that its printed link gives.

    Attributes:
        cookie: Name and value of the cookie; a request without it is refused.
        more: Further words of the command line.
    """

    at_work: ClassVar[list[Server]] = []

    def __init__(self, workspace: Workspace, *more: str, worker: bool = False, roots: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        words = [sys.executable, "-m", "workbench.cli", "app", f"port={self.port}", f"worker={str(worker).lower()}"]
        words += [*more, f"roots=[{roots or workspace.root}]", "--workspace", str(workspace.root)]
        self._said = tempfile.NamedTemporaryFile()  # noqa: SIM115  kept open as long as the server
        self.process = subprocess.Popen(words, stdout=self._said.file, stderr=subprocess.STDOUT)
        self.cookie: tuple[str, str] | None = None
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError(f"the app did not answer: {self.said()}")
        while " is ready: " not in self.said():
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)
        if self.links():
            self.cookie = self.enter(self.links()[-1])
        Server.at_work.append(self)

    def said(self) -> str:
        """What the app has printed so far."""
        return Path(self._said.name).read_text()

    def links(self) -> list[str]:
        """The links that it has printed, from ``/`` on; the last one opens the app."""
        return re.findall(r"(/\?entry=\S+)", self.said())

    def enter(self, link: str) -> tuple[str, str]:
        """Open a link as a browser does; returns the cookie's name and value."""
        status, headers = self.fetch(link)
        assert (status, headers["location"]) == (303, "/")
        name, _, value = headers["set-cookie"].partition(";")[0].partition("=")
        return name, value

    def fetch(self, address: str, **headers: str) -> tuple[int, http.client.HTTPMessage]:
        """Status and headers of an address, following nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", address, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers
        finally:
            connection.close()

    def streamlit(self) -> int:
        """The process number of Streamlit itself."""
        import psutil

        found = [child.pid for child in psutil.Process(self.process.pid).children() if "streamlit" in child.cmdline()]
        assert len(found) == 1
        return found[0]

    def close(self) -> None:
        Server.at_work.remove(self)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def admit(context: Any) -> Any:
    """A browser's context whose new pages are in: the cookies of the servers at work come before each page."""
    opening = context.new_page

    def new_page() -> Any:
        given = [server.cookie for server in Server.at_work if server.cookie]
        context.add_cookies(
            [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"} for name, value in given]
        )
        return opening()

    context.new_page = new_page
    return context
