"""Encrypted connections, and how a server turns us away."""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE, build_context, evt

from tests.sources.pacs.certificates import TestAuthority, make_authority
from tests.sources.pacs.orthanc import free_port
from tests.sources.pacs.studies import hospital
from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.sources.pacs.address import parse_address
from workbench.sources.pacs.archive import AGAIN, ALL, ArchiveProblem, FoundSeries
from workbench.sources.pacs.association import Caller, Certificates
from workbench.sources.pacs.connecting import Connection, connect
from workbench.sources.pacs.dimse import ECHO, GET, MOVE
from workbench.sources.pacs.landing import Landing

CT = "1.2.840.10008.5.1.4.1.1.2"
SERIES = FoundSeries("2.25.700", "2.25.700.0", "CT", 4)
FILES = [one for one in hospital() if one.series == SERIES.uid]


@pytest.fixture
def authority(tmp_path: Path) -> TestAuthority:
    return make_authority(tmp_path)


@contextmanager
def pacs(tls: ssl.SSLContext | None, listens_at: int = 0, listens_tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A PACS that holds one series; its port."""
    entity = AE(ae_title="PACS")
    for context in (ECHO, MOVE, GET):
        entity.add_supported_context(context)
    entity.add_supported_context(CT, scp_role=True, scu_role=True)

    def move(event) -> Iterator:
        more = {"contexts": [build_context(CT)], "ae_title": event.move_destination}
        yield "127.0.0.1", listens_at, more | ({"tls_args": (listens_tls, "127.0.0.1")} if listens_tls else {})
        yield from get(event)

    def get(event) -> Iterator:
        yield len(FILES)
        for one in FILES:
            yield 0xFF00, dcmread(io.BytesIO(one.content))

    handlers = [(evt.EVT_C_MOVE, move), (evt.EVT_C_GET, get)]
    server = entity.start_server(("127.0.0.1", 0), block=False, ssl_context=tls, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_everything_over_tls(authority: TestAuthority, tmp_path: Path):
    port = free_port()
    towards_us = ssl.create_default_context(cafile=authority.ca_file)
    towards_us.load_cert_chain(authority.certificate, authority.key)
    with pacs(authority.server_context(ask_for_certificate=True), port, towards_us) as server:
        for method in ("move", "get"):
            landing = Landing(tmp_path / method, tmp_path / "incoming", lambda kind, uid: uid)
            given = Connection(
                parse_address(f"dicoms://PACS@127.0.0.1:{server}"),
                method=method,
                listen=f"127.0.0.1:{port}",
                timeout_s=10.0,
                ca_file=authority.ca_file,
                client_cert=authority.certificate,
                client_key=authority.key,
            )
            with connect(given, Progress(quiet=True)) as archive:
                assert archive.echo()
                archive.retrieve_series(SERIES, landing)
            assert landing.count(SERIES) == 4, method


def test_a_certificate_that_nobody_vouches_for(authority: TestAuthority):
    with pacs(authority.server_context()) as server:
        caller = Caller(parse_address(f"dicoms://PACS@127.0.0.1:{server}"), "WB", timeout_s=5.0)
        with pytest.raises(ArchiveProblem, match="does not speak TLS with us") as caught:
            caller.association("echo", [build_context(ECHO)])
    assert "certificates" in caught.value.todo and caught.value.scope == AGAIN


def test_a_server_that_expects_tls_where_we_do_not_speak_it(authority: TestAuthority):
    with pacs(authority.server_context()) as server:
        caller = Caller(parse_address(f"dicom://PACS@127.0.0.1:{server}"), "WB", timeout_s=5.0)
        with pytest.raises(ArchiveProblem, match="broke off while the connection was being opened") as caught:
            caller.association("echo", [build_context(ECHO)])
    assert "dicoms://" in caught.value.todo


def test_a_key_that_is_not_the_certificates(authority: TestAuthority):
    certificates = Certificates(client_cert=authority.certificate, client_key=authority.ca_file)
    with pytest.raises(InputError, match="absent or cannot be used") as caught:
        certificates.context()
    assert str(authority.certificate) in caught.value.where


def test_one_association_at_a_time_kept_while_it_lives():
    with pacs(None) as server:
        caller = Caller(parse_address(f"dicom://PACS@127.0.0.1:{server}"), "WB", timeout_s=5.0)
        first = caller.association("echo", [build_context(ECHO)])
        assert caller.association("echo", [build_context(ECHO)]) is first
        second = caller.association("move", [build_context(MOVE)])
        assert first.is_released and second.is_established
        second.abort()
        third = caller.association("move", [build_context(MOVE)])
        assert third is not second and third.is_established
        caller.drop()
        assert third.is_aborted
        caller.close()


@pytest.mark.parametrize(
    ("source", "reason", "scope", "text"),
    [
        (1, 7, ALL, "does not go by the AE title 'PACS'"),
        (1, 3, ALL, "does not know our AE title 'WB'"),
        (3, 1, AGAIN, "is busy"),
        (1, 1, ALL, "without saying why"),
    ],
)
def test_how_a_server_turns_us_away(source: int, reason: int, scope: str, text: str):
    def turn_away(event) -> None:
        event.assoc.acse.send_reject(1, source, reason)
        event.assoc.kill()

    entity = AE(ae_title="PACS")
    entity.add_supported_context(ECHO)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_REQUESTED, turn_away)])
    assert server is not None
    try:
        address = parse_address(f"dicom://PACS@127.0.0.1:{server.server_address[1]}")
        with pytest.raises(ArchiveProblem) as caught:
            Caller(address, "WB", timeout_s=5.0).association("echo", [build_context(ECHO)])
    finally:
        server.shutdown()
    assert text in str(caught.value) and caught.value.scope == scope and caught.value.todo
