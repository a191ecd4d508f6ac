"""The classic side, against Orthanc, and against a server with bad habits."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt

from tests.sources.pacs.orthanc import Orthanc, free_port, orthanc  # noqa: F401
from tests.sources.pacs.studies import compressed, hospital
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.sources.pacs.address import parse_address
from workbench.sources.pacs.archive import AGAIN, ALL, THIS, Archive, ArchiveProblem, FoundSeries, FoundStudy
from workbench.sources.pacs.connecting import Connection, connect
from workbench.sources.pacs.dimse import ECHO, FIND, GET, MOVE
from workbench.sources.pacs.landing import Landing, Stopped
from workbench.sources.pacs.query import Query, make_query

INSTANCES = hospital()
SERIES = FoundSeries("2.25.700", "2.25.700.0", "CT", 4)


@contextmanager
def archive(server: Orthanc | str, **given) -> Iterator[Archive]:
    address = server if isinstance(server, str) else server.classic
    listen = "" if isinstance(server, str) else server.listen
    defaults = {"timeout_s": 10.0, "listen": listen or f"127.0.0.1:{free_port()}"}
    with connect(Connection(parse_address(address), **(defaults | given)), Progress(quiet=True)) as opened:
        yield opened


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "dicom", tmp_path / "incoming", lambda kind, uid: f"{kind}-{uid}")


@pytest.fixture
def filled(orthanc: Orthanc) -> Iterator[Orthanc]:  # noqa: F811
    orthanc.fill([one.content for one in INSTANCES])
    yield orthanc
    orthanc.empty()


@pytest.mark.parametrize("method", ["move", "get"])
def test_orthanc_sends_everything_in_the_coding_that_it_was_stored_in(orthanc: Orthanc, landing: Landing, method: str):  # noqa: F811
    some = [one for one in INSTANCES if one.study < "2.25.710"] + compressed()
    orthanc.fill([one.content for one in some])
    with archive(orthanc, method=method) as classic:
        assert classic.echo() == f"{orthanc.classic} answers to C-ECHO."
        studies = classic.find_studies(Query()).studies
        jobs = [series for study in studies.values() for series in classic.find_series(study)]
        for series in jobs:
            classic.retrieve_series(series, landing)
    orthanc.empty()
    everything = {one.sop: one for one in some}
    assert set(studies) == {one.study for one in everything.values()}
    assert sum(series.instances or 0 for series in jobs) == len(everything)
    files = {file.stem.removeprefix("instance-"): file.read_bytes() for file in landing.folder.rglob("*.dcm")}
    assert set(files) == set(everything)
    for sop, content in files.items():
        written, original = (pydicom.dcmread(io.BytesIO(one)) for one in (content, everything[sop].content))
        assert written.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        original.pop(0xFFFCFFFC, None)  # padding behind the data set, which no message carries
        assert {one.tag: one.value for one in written} == {one.tag: one.value for one in original}, sop


def test_orthanc_finds_studies_series_and_instances(filled: Orthanc):
    with archive(filled) as classic:
        query = make_query(dates="20240103-20240104", modalities=["CT"])
        answer = classic.find_studies(query)
        assert set(answer.studies) == {"2.25.710", "2.25.711"}
        study = answer.studies["2.25.711"]
        assert (study.instances, study.date, set(study.modalities)) == (6, "20240104", {"CT", "DX"})
        assert study.patient_id == "MRN-77-1" and query.why_not_study(study) == ""
        (series,) = (one for one in classic.find_series(study) if one.modality == "DX")
        assert (series.instances, series.station, series.description) == (2, "ROOM1", "Chest PA")
        assert sorted(classic.find_instances(series)) == ["2.25.711.1.0", "2.25.711.1.1"]
        assert set(classic.find_studies(make_query(patients=["MRN-77-3"])).studies) == {"2.25.730", "2.25.731"}
        assert len(classic.find_studies(Query(), 3).studies) == 3
        assert len(classic.find_studies(Query()).studies) == 8


@pytest.mark.parametrize("method", ["move", "get"])
def test_a_single_instance(filled: Orthanc, landing: Landing, method: str):
    with archive(filled, method=method) as classic:
        classic.retrieve_instance(SERIES, "2.25.700.0.2", landing)
    assert [file.name for file in landing.folder.rglob("*.dcm")] == ["instance-2.25.700.0.2.dcm"]


def test_titles_that_the_server_does_not_know(filled: Orthanc, landing: Landing):
    with (
        archive(f"dicom://OTHER@127.0.0.1:{filled.dicom_port}") as classic,
        pytest.raises(ArchiveProblem, match="does not go by the AE title 'OTHER'") as caught,
    ):
        classic.echo()
    assert caught.value.scope == ALL
    with archive(filled, ae_title="STRANGER") as classic:
        for ask in (
            classic.echo,
            lambda: classic.find_studies(Query()),
            lambda: classic.retrieve_series(SERIES, landing),
        ):
            with pytest.raises(ArchiveProblem, match="'STRANGER'") as caught:
                ask()
            assert caught.value.scope in (ALL, AGAIN) and "registered" in caught.value.todo


def test_a_destination_registered_with_another_port(filled: Orthanc, landing: Landing):
    with (
        archive(filled, ae_title="ELSEWHERE") as classic,
        pytest.raises(ArchiveProblem) as caught,
    ):
        classic.retrieve_series(SERIES, landing)
    assert "C-MOVE" in str(caught.value) or "could not send" in str(caught.value)


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_is_not_there(secure: bool):
    scheme = "dicoms" if secure else "dicom"
    with (
        archive(f"{scheme}://X@127.0.0.1:{free_port()}", method="get") as classic,
        pytest.raises(ArchiveProblem, match="cannot be reached") as caught,
    ):
        classic.echo()
    assert caught.value.scope == AGAIN


def test_where_to_listen_must_be_said_and_free(orthanc: Orthanc):  # noqa: F811
    for listen, text in (("", "must know where to send"), ("here", "is no address"), ("127.0.0.1:99999", "is no")):
        with (
            pytest.raises(InputError, match=text),
            connect(Connection(parse_address("dicom://X@10.0.0.1"), listen=listen), Progress(quiet=True)),
        ):
            pass
    with archive(orthanc), pytest.raises(OperationFailed, match="cannot listen there"), archive(orthanc):
        pass


def test_tls_to_receive_needs_a_certificate(tmp_path: Path):
    address = parse_address("dicoms://X@127.0.0.1:2762")
    with (
        pytest.raises(InputError, match="a certificate of its own"),
        connect(Connection(address), Progress(quiet=True)),
    ):
        pass
    given = Connection(address, method="get", ca_file=tmp_path / "absent.pem")
    with pytest.raises(InputError, match="absent or cannot be used"), connect(given, Progress(quiet=True)):
        pass


@contextmanager
def fake_classic(**handlers: Callable) -> Iterator[str]:
    entity = AE(ae_title="FAKE")
    for context in (ECHO, FIND, GET, MOVE):
        entity.add_supported_context(context)
    bound = [(getattr(evt, f"EVT_C_{name.upper()}"), handler) for name, handler in handlers.items()]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    assert server is not None
    try:
        yield f"dicom://FAKE@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def row(uid: str, date: str) -> Dataset:
    found = Dataset()
    found.StudyInstanceUID, found.StudyDate, found.NumberOfStudyRelatedInstances = uid, date, "2"
    return found


def test_a_server_that_runs_out_of_resources_is_asked_for_narrower_dates():
    studies = {f"2.25.{day}": f"202401{day:02}" for day in range(1, 29)}

    def find(event):
        first, _, last = event.identifier.StudyDate.partition("-")
        fitting = [(uid, date) for uid, date in studies.items() if first <= date <= (last or first)]
        for uid, date in fitting[:5]:
            yield 0xFF00, row(uid, date)
        if len(fitting) > 5:
            yield 0xA700, None

    with fake_classic(find=find) as server, archive(server, method="get") as classic:
        answer = classic.find_studies(make_query(dates="20240101-20240131"))
    assert {uid: study.date for uid, study in answer.studies.items()} == studies and answer.notes == []


def test_values_that_a_server_got_wrong_are_taken_as_not_told():
    def find(event):
        bad = row("2.25.1", "yesterday")
        del bad.NumberOfStudyRelatedInstances
        yield 0xFF00, bad
        yield 0xFF00, row("no uid", "20240101")

    with fake_classic(find=find) as server, archive(server, method="get") as classic:
        answer = classic.find_studies(Query())
    assert answer.studies == {"2.25.1": FoundStudy("2.25.1", None, "yesterday")}
    assert answer.notes == ["The server named studies without a usable Study Instance UID; they were left out."]


@pytest.mark.parametrize(
    ("status", "scope", "text"),
    [
        (0xA801, ALL, "does not know the move destination 'WORKBENCH'"),
        (0xA702, AGAIN, "could not send (0xA702)"),
        (0x0124, ALL, "does not allow us C-MOVE"),
        (0xC123, THIS, "could not do the C-MOVE (0xC123)"),
    ],
)
def test_what_a_failed_move_means(landing: Landing, status: int, scope: str, text: str):
    port = free_port()

    def move(event):
        if status == 0xA801:
            yield None, None
        else:
            yield "127.0.0.1", port, {"contexts": [build_context(ECHO)]}
            yield 1
            yield status, None

    with (
        fake_classic(move=move) as server,
        archive(server, listen=f"127.0.0.1:{port}") as classic,
        pytest.raises(ArchiveProblem) as caught,
    ):
        classic.retrieve_series(SERIES, landing)
    assert text in str(caught.value) and caught.value.scope == scope


@contextmanager
def careless(port: int, sops: list[str], status: int = 0xFF00) -> Iterator[str]:
    """A server that answers every C-MOVE with these instances, sent to ``port`` (0: to nowhere, in its mind)."""
    contents = {one.sop: one.content for one in INSTANCES}
    contexts = [build_context("1.2.840.10008.5.1.4.1.1.2")]
    sink = AE(ae_title="SINK")
    sink.supported_contexts = contexts
    other = sink.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)])
    assert other is not None

    def move(event):
        yield "127.0.0.1", port or other.server_address[1], {"contexts": contexts, "ae_title": "WORKBENCH"}
        yield len(sops)
        for sop in sops:
            yield status, pydicom.dcmread(io.BytesIO(contents[sop]))

    try:
        with fake_classic(move=move) as server:
            yield server
    finally:
        other.shutdown()


def test_a_server_that_sends_to_another_computer(landing: Landing):
    with careless(0, ["2.25.700.0.0", "2.25.700.0.1"]) as server, archive(server) as classic:
        with pytest.raises(ArchiveProblem, match="sent 2 instances, and none came here") as caught:
            classic.retrieve_series(SERIES, landing)
        assert caught.value.scope == ALL and "WORKBENCH" in caught.value.todo and "127.0.0.1:" in caught.value.todo


def test_a_server_that_sends_more_than_was_asked_for(landing: Landing):
    port = free_port()
    sops = ["2.25.700.0.0", "2.25.710.0.0", "2.25.701.0.0"]
    with careless(port, sops) as server, archive(server, listen=f"127.0.0.1:{port}") as classic:
        with pytest.raises(ArchiveProblem, match="sent 2 instances that were not asked for") as caught:
            classic.retrieve_series(SERIES, landing)
        assert caught.value.scope == THIS and landing.count(SERIES) == 1


def test_a_server_that_could_not_send_all(landing: Landing):
    port = free_port()
    other_class = Dataset()
    other_class.SOPClassUID, other_class.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", "2.25.1"

    def move(event):
        yield "127.0.0.1", port, {"contexts": [build_context("1.2.840.10008.5.1.4.1.1.2")], "ae_title": "WORKBENCH"}
        yield 2
        yield 0xFF00, pydicom.dcmread(io.BytesIO(INSTANCES[0].content))
        yield 0xFF00, other_class  # for which it opened no presentation context

    with fake_classic(move=move) as server, archive(server, listen=f"127.0.0.1:{port}") as classic:
        with pytest.raises(ArchiveProblem, match="could not send 1 of 2 instances") as caught:
            classic.retrieve_series(SERIES, landing)
        assert caught.value.scope == THIS and landing.count(SERIES) == 1


def test_a_stop_breaks_off_a_move(landing: Landing):
    port = free_port()
    sops = [f"2.25.700.0.{number}" for number in range(4)]
    with careless(port, sops) as server, archive(server, listen=f"127.0.0.1:{port}") as classic:
        landing.stop.set()
        with pytest.raises(Stopped):
            classic.retrieve_series(SERIES, landing)
    assert landing.count(SERIES) == 0


def test_an_unusual_modality_is_asked_for_its_classes_before_c_get(filled: Orthanc, landing: Landing):
    unusual = FoundSeries("2.25.700", "2.25.700.0", "XYZ", 4)
    with archive(filled, method="get") as classic:
        classic.retrieve_series(unusual, landing)
    assert landing.count(unusual) == 4


def test_a_server_that_falls_silent(landing: Landing):
    awake = threading.Event()

    def find(event):
        awake.wait(20)
        yield 0x0000, None

    with fake_classic(find=find) as server, archive(server, timeout_s=0.5, method="get") as classic:
        with pytest.raises(ArchiveProblem, match="fell silent") as caught:
            classic.find_series(FoundStudy("2.25.1"))
        awake.set()
    assert caught.value.scope == AGAIN


def test_a_server_without_c_get(landing: Landing):
    entity = AE(ae_title="FAKE")
    entity.add_supported_context(FIND)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        with (
            archive(f"dicom://FAKE@127.0.0.1:{server.server_address[1]}", method="get") as classic,
            pytest.raises(ArchiveProblem, match="none of the services") as caught,
        ):
            classic.retrieve_series(SERIES, landing)
    finally:
        server.shutdown()
    assert caught.value.scope == ALL and "retrieve=move" in caught.value.todo
