from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.entrance import Entrance, EntranceMiddleware
from tests.app.serving import Server
from workbench.runs.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"page {request.url.path}?{request.url.query}")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


@pytest.fixture
def entrance() -> Entrance:
    said: list[str] = []
    made = Entrance("http://127.0.0.1:8501", say=said.append, token="first")
    made.said = said  # type: ignore[attr-defined]
    return made


@pytest.fixture
def site(entrance: Entrance) -> Starlette:
    app = Starlette(routes=[WebSocketRoute("/stream", stream), Route("/{rest:path}", page, methods=["GET", "POST"])])
    app.add_middleware(EntranceMiddleware, entrance=entrance)
    return app


def test_nothing_but_health_is_served_before_the_link_was_opened(site: Starlette) -> None:
    outside = TestClient(site, follow_redirects=False)
    for address in ("/", "/look?page=2", "/x/frame/t/0", "/static/js/main.js", "/_stcore/host-config", "/?entry=wrong"):
        answer = outside.get(address)
        assert answer.status_code == 401 and "page" not in answer.text.replace("This page opens", ""), address
        assert "set-cookie" not in answer.headers
    assert outside.post("/?entry=first").status_code == 401
    assert outside.get("/_stcore/health").status_code == 200
    assert outside.get("/_stcore/health/../look").status_code == 401
    with pytest.raises(WebSocketDisconnect), outside.websocket_connect("/stream"):
        pass


def test_a_link_opens_one_browser_and_the_next_is_printed(site: Starlette, entrance: Entrance) -> None:
    inside = TestClient(site, follow_redirects=False)
    answer = inside.get("/look?entry=first&page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/look?page=2")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("workbench_8501=") and "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert "max-age" not in cookie.lower() and "expires" not in cookie.lower()
    assert inside.get("/look?page=2").text == "page /look?page=2"
    with inside.websocket_connect("/stream") as socket:
        assert socket.receive_text() == "inside"
    assert inside.get("/?entry=first").headers["location"] == "/"  # reopened by the one who is in
    other = TestClient(site, follow_redirects=False)
    assert other.get("/?entry=first").status_code == 401
    [said] = entrance.said  # type: ignore[attr-defined]
    assert said.endswith(entrance.link)
    assert other.get(entrance.link.removeprefix("http://127.0.0.1:8501")).status_code == 303


def test_a_link_leads_nowhere_else(site: Starlette) -> None:
    answer = TestClient(site, follow_redirects=False).get("http://testserver//evil.org/?entry=first")
    assert answer.headers["location"] == "/evil.org/"


@pytest.mark.slow
def test_the_real_server_opens_by_its_printed_link_only(workspace: Workspace) -> None:
    server = Server(workspace)
    try:
        assert server.cookie is not None
        for address in ("/", "/jobs", "/x/thumbnail/none", "/_stcore/stream", server.links()[0]):
            assert server.fetch(address)[0] == 401, address
        name, value = server.cookie
        assert server.fetch("/", Cookie=f"{name}={value}")[0] == 200
        assert server.fetch("/", Cookie=f"{name}={value}x")[0] == 401
        assert server.fetch("/", Cookie=f"{name}={value}", Host="evil.org")[0] == 400
        assert len(server.links()) == 2
        assert server.enter(server.links()[-1]) == server.cookie
    finally:
        server.close()


def test_the_server_itself_refuses_to_be_open_to_others(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "streamlit", "run", "app/server.py", "--server.address", "0.0.0.0"]
    words += ["--server.port", "18777", "--secrets.files", str(tmp_path / "none.toml")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "does not open to other machines before a sign-in" in done.stderr
    assert "Traceback" not in done.stderr
