"""The addresses under ``/x/``: frames and thumbnails. Streamlit asks nobody who they are there, so every one of them
checks the token and the permission itself."""

from __future__ import annotations

import json
import logging
import threading
import zlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.catalogue import Catalogue, catalogue
from app.frames.coding import Coded, code
from app.frames.opened import OpenFiles
from app.frames.permission import may_look
from app.frames.side_views import COLUMNS, ROWS, side_frame
from app.frames.thumbnails import thumbnail
from app.frames.tokens import TokenRefused, check, sign
from workbench.errors import InputError, WorkbenchError

HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
AT_ONCE = threading.BoundedSemaphore(4)
log = logging.getLogger("workbench.app")
_files = OpenFiles()


def frames_address(*, user: str, cohort: str, scan: str) -> str:
    """Where the frames of a scan's stack are, for this user, for a while; the frame's place in the stack follows."""
    return f"/x/frame/{sign(user=user, cohort=cohort, scan=scan)}/"


def side_address(*, user: str, cohort: str, scan: str, axis: int) -> str:
    """Where the planes across an axis of a scan's volume are, for this user, for a while; their number follows."""
    return f"/x/side/{sign(user=user, cohort=cohort, scan=scan)}/{axis}/"


def thumbnail_address(*, user: str, cohort: str, scan: str) -> str:
    """Where a scan's thumbnail is, for this user, for a while."""
    return f"/x/thumbnail/{sign(user=user, cohort=cohort, scan=scan)}"


def routes() -> list[BaseRoute]:
    """The routes of this module; any other address under ``/x/`` is refused."""
    return [
        Route("/x/frame/{token}/{place:int}", _guarded(_frame)),
        Route("/x/side/{token}/{axis:int}/{place:int}", _guarded(_side)),
        Route("/x/thumbnail/{token}", _guarded(_thumbnail)),
        Route("/x", _nothing, methods=METHODS),
        Route("/x/{rest:path}", _nothing, methods=METHODS),
    ]


def _frame(request: Request, found: Catalogue, scan: str) -> Response:
    stack, place = found.stack_of(scan), int(request.path_params["place"])
    if place >= len(stack):
        raise InputError("There are not so many pictures in this stack.")
    row = found.row(stack[place])
    with AT_ONCE:
        frame, sides, rate = _files.frame(found.cohort.path_of(str(row["path_key"])), int(row["frame"]))
        coded = code(frame, sides=sides, rate=rate, full=request.query_params.get("full") == "1")
    return _sent(request, coded)


def _side(request: Request, found: Catalogue, scan: str) -> Response:
    axis, place = int(request.path_params["axis"]), int(request.path_params["place"])
    volume = found.geometry_of(scan).volume
    if not volume or axis not in (ROWS, COLUMNS):
        raise InputError("There is no such side view.")
    return _sent(request, side_frame(found, volume, axis=axis, place=place))


def _thumbnail(request: Request, found: Catalogue, scan: str) -> Response:
    return Response(thumbnail(found, scan), headers=HEADERS, media_type="image/jpeg")


def _sent(request: Request, coded: Coded) -> Response:
    body, headers = coded.body, {**HEADERS, "X-Frame": json.dumps(coded.facts)}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = compressed(body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type="application/octet-stream")


def _guarded(answer: Callable[[Request, Catalogue, str], Response]) -> Callable[[Request], Response]:
    """An endpoint behind token and permission; it runs in a thread, for it reads files."""

    def endpoint(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site"):
            return _refused(403, "Pictures are shown in this program's own pages only.")
        try:
            token = check(request.path_params["token"])
        except TokenRefused:
            return _refused(401, "This address of a picture is not valid, or no longer.", "Reload the page.")
        try:
            if not may_look(token.user, token.cohort):
                return _refused(403, "These pictures are not for this user.")
            found = catalogue(token.cohort)
            if not found.has(token.scan):
                return _refused(403, "This picture is not in the collection, or no longer.", "Reload the page.")
            return answer(request, found, token.scan)
        except WorkbenchError as error:
            return _refused(404, error.what, error.todo)
        except OSError:
            return _refused(404, "The file of this picture cannot be read.", "Look whether its disk is connected.")
        except Exception:
            log.exception("A picture could not be sent")
            return _refused(500, "This picture could not be shown.", "Read the last lines of the app's window.")

    return endpoint


def _nothing(request: Request) -> Response:
    return _refused(401, "Pictures need a valid address.", "Open them from the app.")


def _refused(status: int, what: str, todo: str = "") -> Response:
    return JSONResponse({"what": what, "todo": todo}, status_code=status, headers=HEADERS)


def compressed(body: bytes) -> bytes:
    """Gzip, fast: Huffman codes and runs only, which leave noise to itself and take empty borders away."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS, strategy=zlib.Z_RLE)
    return packer.compress(body) + packer.flush()
