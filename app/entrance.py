"""The entrance of a single user's app: nothing is served before the link that the app's window prints was opened.

The link holds a token that opens the app once; the browser then keeps a cookie until it is closed, and the next link,
for another browser, is printed. Cookie and tokens live as long as the server's process. Whether the server lives is
answered to everybody.
"""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from workbench.runs.sign_in import ENTRY, ENTRY_VARIABLE

HEALTH = ("/_stcore/health", "/_stcore/script-health-check")
REFUSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Imaging workbench</title>
<body style="font-family:sans-serif;max-width:40em;margin:4em auto;line-height:1.5">
<h1>This page opens by its link</h1>
<p>Open the link that the window prints in which the app was started. Each link opens the app once, in one browser;
after that the window prints another. When the app is started again, it prints a new one.</p></body></html>"""


class Entrance:
    """The token that opens the app next, and the cookie of those who are in.

    Args:
        address: Where the app answers, such as ``http://127.0.0.1:8501``.
        say: Prints a line in the app's window.
        token: The first token; a new one if empty.
    """

    def __init__(self, address: str, *, say: Callable[[str], None] = print, token: str = "") -> None:
        self.address = address
        self.cookie = f"workbench_{address.rpartition(':')[2]}"  # cookies do not tell ports apart
        self._say = say
        self._pass = secrets.token_urlsafe(32)
        self._token = token or secrets.token_urlsafe(32)
        self._lock = threading.Lock()

    @property
    def link(self) -> str:
        """The link that opens the app next."""
        return f"{self.address}/?{ENTRY}={self._token}"

    def admitted(self, connection: HTTPConnection) -> bool:
        """Whether a request or connection comes from a browser that is in."""
        return _same(connection.cookies.get(self.cookie, ""), self._pass)

    def admit(self, token: str) -> str | None:
        """The cookie for a token, which is used up by it; None if it opens nothing."""
        with self._lock:
            if not _same(token, self._token):
                return None
            self._token = secrets.token_urlsafe(32)
        self._say(f"Opened. For another browser: {self.link}")
        return self._pass


class EntranceMiddleware:
    """ASGI middleware: lets those in who hold the entrance's cookie, and shows the others how to get in."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self.app, self.entrance = app, entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, redirect or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] in HEALTH:
            await self.app(scope, receive, send)
            return
        inside = self.entrance.admitted(connection)
        if scope["type"] == "websocket" and not inside:
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = self._answer(connection, inside) if scope["type"] == "http" and scope["method"] == "GET" else None
        if answer is None and not inside:
            answer = _refused()
        await (answer or self.app)(scope, receive, send)

    def _answer(self, connection: HTTPConnection, inside: bool) -> Response | None:
        """The way on from a link with a token: to the same page without it, with the cookie."""
        given = connection.query_params.get(ENTRY)
        if given is None:
            return None
        cookie = None if inside else self.entrance.admit(given)
        if not inside and cookie is None:
            return _refused()
        words = [(name, value) for name, value in parse_qsl(connection.url.query) if name != ENTRY]
        path = "/" + connection.url.path.lstrip("/")  # '//host' would lead elsewhere
        answer = RedirectResponse(path + (f"?{urlencode(words)}" if words else ""), status_code=303)
        if cookie:
            answer.set_cookie(self.entrance.cookie, cookie, httponly=True, samesite="lax")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


def entrance_of(address: str) -> Entrance:
    """The entrance with the token that ``workbench app`` printed; without one, the server prints its own link."""
    entrance = Entrance(address, say=lambda line: print(line, flush=True), token=os.environ.get(ENTRY_VARIABLE, ""))
    if ENTRY_VARIABLE not in os.environ:
        print(f"The app opens by this link: {entrance.link}", flush=True)
    return entrance


def _refused() -> Response:
    return HTMLResponse(REFUSED, status_code=401, headers={"Cache-Control": "no-store"})


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
