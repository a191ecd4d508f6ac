"""From settings to a PACS that can be asked, with its storage service and its credentials, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.sources.pacs.address import WEB, ServerAddress, check_ae_title
from workbench.sources.pacs.archive import Archive
from workbench.sources.pacs.credentials import find_credentials
from workbench.sources.pacs.silence import libraries_silent

LOOPBACK_LISTEN = "127.0.0.1:11112"


@dataclass(frozen=True)
class Connection:
    """How to reach a PACS; the fields are the settings of ``workbench fetch``."""

    address: ServerAddress
    connections: int = 3
    timeout_s: float = 60.0
    page: int = 200
    method: str = "move"
    ae_title: str = "WORKBENCH"
    listen: str = ""
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


@contextmanager
def connect(given: Connection, progress: Progress) -> Iterator[Archive]:
    """The PACS, as long as it is needed.

    Raises:
        InputError: A setting is wrong.
        OperationFailed: This computer cannot listen where it should.
    """
    opened = _web(given) if given.address.kind == WEB else _classic(given, progress)
    with opened as archive, libraries_silent():
        yield archive


@contextmanager
def _web(given: Connection) -> Iterator[Archive]:
    from workbench.sources.pacs.dicomweb import WebArchive

    archive = WebArchive(
        given.address,
        find_credentials(given.address.host),
        connections=given.connections,
        timeout_s=given.timeout_s,
        page=given.page,
        ca_file=given.ca_file,
        client_cert=given.client_cert,
        client_key=given.client_key,
    )
    try:
        yield archive
    finally:
        archive.close()


@contextmanager
def _classic(given: Connection, progress: Progress) -> Iterator[Archive]:
    from workbench.sources.pacs.association import Caller, Certificates
    from workbench.sources.pacs.dimse import ClassicArchive
    from workbench.sources.pacs.storage_service import Reception, StorageService

    title = check_ae_title(given.ae_title, "this computer")
    certificates = Certificates(given.ca_file, given.client_cert, given.client_key)
    reception = Reception()
    service = None
    listens_at = ""
    caller = Caller(given.address, title, timeout_s=given.timeout_s, certificates=certificates)
    if given.method == "move":
        host, port = _where_to_listen(given)
        tls = certificates if given.address.secure else None
        service = StorageService(host, port, title, reception, certificates=tls)
        listens_at = f"{host}:{service.port}"
        progress.log(f"Listening at {listens_at} as '{title}'.")
    archive = ClassicArchive(
        caller, reception, destination=title if given.method == "move" else "", listens_at=listens_at
    )
    try:
        yield archive
    finally:
        archive.close()
        if service is not None:
            service.close()


def _where_to_listen(given: Connection) -> tuple[str, int]:
    text = given.listen or (LOOPBACK_LISTEN if given.address.is_loopback else "")
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise InputError(
            "For C-MOVE the server must know where to send to."
            if not text
            else f"'{text}' is no address to listen at.",
            where="listen",
            todo="Give this computer's own address and port, as registered with the PACS: listen=ADDRESS:PORT.",
        )
    return host.strip("[]"), int(port)
