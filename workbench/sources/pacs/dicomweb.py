"""A PACS that speaks DICOMweb (PS3.18): searched by QIDO-RS through dicomweb-client, retrieved by WADO-RS.

Retrieval is read here, block by block, straight to disk: dicomweb-client holds every part in memory, decodes and
encodes it again, and takes a part that was cut for a whole one where the server closes the connection to end its
answer, as Orthanc does.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient
from requests.auth import AuthBase, HTTPBasicAuth

from workbench.errors import InputError
from workbench.sources.pacs import qido
from workbench.sources.pacs.address import ServerAddress
from workbench.sources.pacs.archive import AGAIN, Answer, ArchiveProblem, FoundSeries, FoundStudy
from workbench.sources.pacs.credentials import Credentials
from workbench.sources.pacs.http_problems import explained, not_dicom_json
from workbench.sources.pacs.landing import Landing, Unusable
from workbench.sources.pacs.multipart import CutShort, Malformed, boundary_of, parts
from workbench.sources.pacs.paging import Pages, all_pages
from workbench.sources.pacs.query import Query
from workbench.sources.pacs.study_search import search_studies

BLOCK = 1 << 20
CONNECT_S = 10.0
ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class WebArchive:
    """A DICOMweb server.

    Args:
        address: Its root.
        credentials: Shown to it with every request.
        connections: Retrievals at once.
        timeout_s: Seconds without a byte after which a request is given up.
        page: Answers to ask for at once.
        ca_file: Certificates to trust (PEM) in place of the public ones.
        client_cert, client_key: Our own certificate and its key (PEM), where the server asks for one.

    Raises:
        InputError: A certificate file is absent.
    """

    def __init__(
        self,
        address: ServerAddress,
        credentials: Credentials,
        *,
        connections: int = 3,
        timeout_s: float = 60.0,
        page: int = 200,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        client_key: Path | None = None,
    ) -> None:
        self.address = address
        self.where = str(address)
        self.advice = "May our account retrieve this study (WADO-RS)? The server's log says more."
        self.connections = connections
        self._credentials = credentials
        self._timeout = (min(CONNECT_S, timeout_s), timeout_s)
        self._page = page
        self._files = (ca_file, client_cert, client_key)
        for file in self._files:
            if file is not None and not Path(file).is_file():
                raise InputError("A certificate file is absent.", where=file, todo="Check the path.")
        self._own = threading.local()
        self._sessions: list[requests.Session] = []

    def echo(self) -> str:
        """Ask for one study: QIDO-RS has nothing simpler."""
        with self._explained():
            self._client.search_for_studies(limit=1, offset=0)
        return f"{self.where} answers as a DICOMweb server."

    def find_studies(self, query: Query, most: int = 0) -> Answer:
        """Search with one request per patient, or per modality; every page of it."""

        def ask(keys: dict[str, str]) -> Pages[FoundStudy]:
            return all_pages(
                lambda limit, offset: self._studies(keys, limit, offset),
                lambda study: study.uid,
                limit=min(most, self._page) if most else self._page,
                enough=lambda found: 0 < most <= len(found),
            )

        return search_studies(query, ask, most)

    def find_series(self, study: FoundStudy) -> Sequence[FoundSeries]:
        """All series of a study."""

        def enough(found: Collection[FoundSeries]) -> bool:
            return study.instances is not None and sum(one.instances or 0 for one in found) >= study.instances

        pages = all_pages(
            lambda limit, offset: self._series(study.uid, limit, offset),
            lambda series: series.uid,
            limit=self._page,
            enough=enough,
        )
        pages.items.pop("", None)
        return list(pages.items.values())

    def find_instances(self, series: FoundSeries) -> Sequence[str]:
        """SOP Instance UIDs of a series."""
        pages = all_pages(
            lambda limit, offset: self._instances(series, limit, offset),
            str,
            limit=self._page,
            enough=lambda found: series.instances is not None and len(found) >= series.instances,
        )
        pages.items.pop("", None)
        return list(pages.items)

    def retrieve_series(self, series: FoundSeries, landing: Landing) -> None:
        """WADO-RS Retrieve Series, in the transfer syntaxes that the server stores."""
        self._retrieve(f"/studies/{series.study_uid}/series/{series.uid}", series, landing)

    def retrieve_instance(self, series: FoundSeries, sop_uid: str, landing: Landing) -> None:
        """WADO-RS Retrieve Instance."""
        path = f"/studies/{series.study_uid}/series/{series.uid}/instances/{sop_uid}"
        self._retrieve(path, series, landing, sop_uid)

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()

    def _retrieve(self, path: str, series: FoundSeries, landing: Landing, sop_uid: str = "") -> None:
        with (
            self._explained(),
            self._session.get(
                self.where + path, headers={"Accept": ACCEPT}, stream=True, timeout=self._timeout
            ) as answer,
        ):
            answer.raise_for_status()
            if answer.status_code == 204:
                return
            unusable = 0
            reason = ""
            try:
                for part in _files(answer):
                    try:
                        landing.store(series, part, sop_uid=sop_uid)
                    except Unusable as error:
                        unusable, reason = unusable + 1, str(error)
            except CutShort as error:
                raise ArchiveProblem(
                    "The server closed the connection in the middle of a file.",
                    where=self.where,
                    todo="Run the same command again: what arrived whole is kept.",
                    scope=AGAIN,
                ) from error
            except Malformed as error:
                unusable, reason = unusable + 1, str(error)
            if unusable:
                raise ArchiveProblem(
                    f"Of what the server sent, {unusable:,} could not be used: {reason}.",
                    where=self.where,
                    todo="Tell the server's administrator, or fetch by the classic way (dicoms://).",
                )

    def _studies(self, filters: dict[str, str], limit: int, offset: int) -> list[FoundStudy]:
        with self._explained():
            rows = self._client.search_for_studies(
                limit=limit, offset=offset, fields=qido.STUDY_FIELDS, search_filters=filters
            )
        return [qido.study_of(row) for row in self._checked(rows)]

    def _series(self, study_uid: str, limit: int, offset: int) -> list[FoundSeries]:
        with self._explained():
            rows = self._client.search_for_series(study_uid, limit=limit, offset=offset, fields=qido.SERIES_FIELDS)
        return [qido.series_of(row, study_uid) for row in self._checked(rows)]

    def _instances(self, series: FoundSeries, limit: int, offset: int) -> list[str]:
        with self._explained():
            rows = self._client.search_for_instances(series.study_uid, series.uid, limit=limit, offset=offset)
        return [qido.instance_of(row) for row in self._checked(rows)]

    def _checked(self, rows: Any) -> list[dict[str, Any]]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise not_dicom_json(self.where)
        return rows

    def _explained(self) -> Any:
        return explained(self.where, self._credentials)

    @property
    def _session(self) -> requests.Session:
        """This thread's session: sessions of requests are not to be shared."""
        if not hasattr(self._own, "session"):
            session = requests.Session()
            session.max_redirects = 0  # a redirection could lead to an unencrypted or foreign address
            session.auth = _Login(self._credentials)
            if self.address.is_loopback:
                session.trust_env = False
            ca_file, client_cert, client_key = self._files
            if ca_file is not None:
                session.verify = str(ca_file)
            if client_cert is not None:
                session.cert = (str(client_cert), str(client_key)) if client_key is not None else str(client_cert)
            self._own.session = session
            self._sessions.append(session)
        return self._own.session

    @property
    def _client(self) -> DICOMwebClient:
        if not hasattr(self._own, "client"):
            client = DICOMwebClient(self.where, session=self._session, permissive_uid=True, timeout=self._timeout)
            client.set_http_retry_params(retry=False)
            self._own.client = client
        return self._own.client


class _Login(AuthBase):
    """Puts the credentials on a request; keeps ``requests`` from looking for others in ``~/.netrc``."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._credentials.token:
            request.headers["Authorization"] = f"Bearer {self._credentials.token}"
        elif self._credentials.user:
            HTTPBasicAuth(self._credentials.user.encode(), self._credentials.password.encode())(request)
        return request


def _files(answer: requests.Response) -> Iterator[Iterator[bytes]]:
    """The files of an answer, whether it is a multipart message or, as some servers send one instance, bare."""
    kind = answer.headers.get("Content-Type", "")
    ends_safely = "Content-Length" in answer.headers or "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
    blocks = _as_it_comes(answer)
    boundary = boundary_of(kind)
    if boundary is not None:
        yield from parts(blocks, boundary, ends_safely=ends_safely)
    elif kind.startswith("application/dicom") and "json" not in kind and "xml" not in kind:
        yield _whole(blocks, ends_safely=ends_safely)
    else:
        raise Malformed(f"its Content-Type is {kind.split(';')[0] or 'not given'}, not DICOM files")


def _as_it_comes(answer: requests.Response) -> Iterator[bytes]:
    """The body, without waiting for full blocks: what came before a connection breaks is not lost."""
    while block := answer.raw.read1(BLOCK, decode_content=True):
        yield block


def _whole(blocks: Iterator[bytes], *, ends_safely: bool) -> Iterator[bytes]:
    yield from blocks
    if not ends_safely:
        raise CutShort
