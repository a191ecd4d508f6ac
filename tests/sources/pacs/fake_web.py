"""A DICOMweb server of the tests with the bad habits of real ones."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.sources.pacs.studies import Stored

BOUNDARY = "boundary-0815"


@dataclass
class Habits:
    """What it does wrong; nothing by default.

    Attributes:
        ignore_offset: Every page is the first.
        cap: Most answers to a search, whatever is asked for.
        refuse_past_end: 400 for an offset behind the last answer, in place of an empty page.
        ignore_filters: A search answers with everything.
        no_counts: Numbers of instances are not told.
        cuts: Retrievals that break off in the middle of their last file.
        cut_each: Every so many retrievals one breaks off so.
        length: How retrievals end: ``none`` (the connection closes), ``chunked`` or ``length``.
        series_lacks: Instances that Retrieve Series leaves out.
        gone: SOP Instance UIDs that cannot be retrieved at all.
        bare: A single instance comes without multipart wrapping.
        busy: So many requests are answered 503 first.
        status: Every request is answered so.
        html: Searches are answered with a web page.
        swap: Retrieve Series sends this series instead.
        junk: A part that is no DICOM file comes first.
        hide_series: Series that searches do not show.
        delay_s: Wait before every file.
    """

    ignore_offset: bool = False
    cap: int = 0
    refuse_past_end: bool = False
    ignore_filters: bool = False
    no_counts: bool = False
    cuts: int = 0
    cut_each: int = 0
    length: str = "none"
    series_lacks: int = 0
    gone: tuple[str, ...] = ()
    bare: bool = False
    busy: int = 0
    status: int = 0
    html: bool = False
    swap: str = ""
    junk: bool = False
    hide_series: tuple[str, ...] = ()
    delay_s: float = 0.0


@dataclass
class FakeWeb:
    """A running server: what it holds, how it behaves, and what it was asked."""

    instances: list[Stored]
    habits: Habits
    port: int = 0
    scheme: str = "http"
    asked: Counter[str] = field(default_factory=Counter)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def web(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web"


@contextmanager
def fake_web(instances: list[Stored], *, tls: ssl.SSLContext | None = None, **habits: object) -> Iterator[FakeWeb]:
    """A server on a free port; with ``tls``, it speaks nothing else."""
    fake = FakeWeb(instances, Habits(**habits))  # type: ignore[arg-type]
    lock = threading.Lock()

    class Handler(_Handler):
        server_fake, server_lock = fake, lock

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.port = server.server_address[1]
        if tls is not None:
            fake.scheme = "https"
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server_fake: FakeWeb
    server_lock: threading.Lock
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        fake, habits = self.server_fake, self.server_fake.habits
        address = urlsplit(self.path)
        words = address.path.removeprefix("/dicom-web").strip("/").split("/")
        level = words[-1] if len(words) % 2 else ""
        with self.server_lock:
            fake.paths.append(self.path)
            fake.headers.append(dict(self.headers))
            fake.asked[level or "retrieve"] += 1
            busy = habits.busy > 0
            habits.busy -= busy
        if busy:
            return self._plain(503, b"", {"Retry-After": "0"})
        if habits.status:
            return self._plain(habits.status, b"<html>no</html>", {"Location": "https://127.0.0.1:9/login"})
        if level:
            if habits.html:
                return self._plain(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
            return self._search(level, words, {name: values[-1] for name, values in parse_qs(address.query).items()})
        return self._retrieve(dict(zip(words[::2], words[1::2], strict=True)))

    def _plain(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _search(self, level: str, words: list[str], query: dict[str, str]) -> None:
        fake, habits = self.server_fake, self.server_fake.habits
        where = dict(zip(words[::2], words[1::2], strict=False))
        chosen = [one for one in fake.instances if where.get("studies", one.study) == one.study]
        chosen = [one for one in chosen if where.get("series", one.series) == one.series]
        if not habits.ignore_filters:
            chosen = [one for one in chosen if _fits(one, query, fake.instances)]
        rows = list({row["key"]: row for row in (self._row(level, one) for one in chosen)}.values())
        if level == "series":
            rows = [row for row in rows if row["key"] not in habits.hide_series]
        offset = 0 if habits.ignore_offset else int(query.get("offset", 0))
        if habits.refuse_past_end and offset and offset >= len(rows):
            return self._plain(400, b"", {})
        limit = min(int(query.get("limit", len(rows))), habits.cap or len(rows))
        page = [{tag: value for tag, value in row.items() if tag != "key"} for row in rows[offset : offset + limit]]
        if not page:
            return self._plain(204, b"", {})
        return self._plain(200, json.dumps(page).encode(), {"Content-Type": "application/dicom+json"})

    def _row(self, level: str, one: Stored) -> dict:
        everything, counts = self.server_fake.instances, not self.server_fake.habits.no_counts
        key = {"studies": one.study, "series": one.series, "instances": one.sop}[level]
        row: dict = {"key": key, "0020000D": _element("UI", one.study)}
        if level == "studies":
            of_study = [other for other in everything if other.study == one.study]
            row["00080020"] = _element("DA", one.date)
            row["00080061"] = {"vr": "CS", "Value": sorted({other.modality for other in of_study})}
            row["00081030"] = _element("LO", one.study_description)
            row["00100020"] = _element("LO", one.patient)
            if counts:
                row["00201208"] = _element("IS", len(of_study))
        else:
            row["0020000E"] = _element("UI", one.series)
            row["00080060"] = _element("CS", one.modality)
        if level == "series":
            row["0008103E"] = _element("LO", one.series_description)
            row["00081010"] = _element("SH", one.station)
            if counts:
                row["00201209"] = _element("IS", sum(other.series == one.series for other in everything))
        if level == "instances":
            row["00080018"] = _element("UI", one.sop)
        return row

    def _retrieve(self, where: dict[str, str]) -> None:
        fake, habits = self.server_fake, self.server_fake.habits
        series = habits.swap or where.get("series", "")
        sop = where.get("instances", "")
        chosen = [one for one in fake.instances if one.study == where["studies"] or habits.swap]
        chosen = [one for one in chosen if one.series == series and (not sop or one.sop == sop)]
        chosen = [one for one in chosen if one.sop not in habits.gone]
        if not sop and habits.series_lacks:
            chosen = chosen[: -habits.series_lacks]
        if not chosen:
            return self._plain(404, b"", {})
        if habits.bare and sop:
            return self._plain(200, chosen[0].content, {"Content-Type": "application/dicom"})
        contents = [b"this is no DICOM file"] * habits.junk + [one.content for one in chosen]
        start = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        pieces = [piece for content in contents for piece in (start, content, b"\r\n")]
        pieces.append(f"--{BOUNDARY}--\r\n".encode())
        with self.server_lock:
            cut = habits.cuts > 0
            habits.cuts -= cut
            cut = cut or (habits.cut_each > 0 and fake.asked["retrieve"] % habits.cut_each == 0)
        return self._send(pieces, cut)

    def _send(self, pieces: list[bytes], cut: bool) -> None:
        length = self.server_fake.habits.length
        self.send_response(200)
        self.send_header("Content-Type", f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"')
        if length == "length":
            self.send_header("Content-Length", str(sum(map(len, pieces))))
        elif length == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if cut:
            pieces = [*pieces[:-3], pieces[-3][: len(pieces[-3]) // 2]]
        for piece in pieces:
            if self.server_fake.habits.delay_s and len(piece) > 200:
                threading.Event().wait(self.server_fake.habits.delay_s)
            try:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if length == "chunked" else piece)
            except ConnectionError:
                return
        if length == "chunked" and not cut:
            self.wfile.write(b"0\r\n\r\n")
        if cut or length == "none":
            self.close_connection = True


def _element(vr: str, value: object) -> dict:
    return {"vr": vr, "Value": [value]} if value != "" else {"vr": vr}


def _fits(one: Stored, query: dict[str, str], everything: list[Stored]) -> bool:
    if "PatientID" in query and one.patient != query["PatientID"]:
        return False
    if "ModalitiesInStudy" in query:
        modalities = {other.modality for other in everything if other.study == one.study}
        if query["ModalitiesInStudy"] not in modalities:
            return False
    if "StudyDate" in query:
        first, dash, last = query["StudyDate"].partition("-")
        return (first or "0") <= one.date <= ((last or "9") if dash else first)
    return True
