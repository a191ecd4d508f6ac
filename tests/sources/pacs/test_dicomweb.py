"""The DICOMweb side, against a server with bad habits and against Orthanc."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from tests.sources.pacs.certificates import make_authority
from tests.sources.pacs.fake_web import FakeWeb, fake_web
from tests.sources.pacs.orthanc import PASSWORD, USER, Orthanc, login, orthanc  # noqa: F401
from tests.sources.pacs.studies import Stored, compressed, hospital
from workbench.errors import InputError
from workbench.sources.pacs.address import parse_address
from workbench.sources.pacs.archive import AGAIN, ALL, THIS, ArchiveProblem, FoundSeries
from workbench.sources.pacs.credentials import Credentials
from workbench.sources.pacs.dicomweb import WebArchive
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.query import Query, make_query

INSTANCES = hospital()
STUDIES = {one.study for one in INSTANCES}
SERIES = FoundSeries("2.25.700", "2.25.700.0", "CT", 4)
FILES = {one.sop: one.content for one in INSTANCES if one.series == SERIES.uid}


def archive(server: FakeWeb | Orthanc, credentials: Credentials | None = None, **more) -> WebArchive:
    return WebArchive(parse_address(server.web), credentials or Credentials(), timeout_s=5.0, **more)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "dicom", tmp_path / "incoming", lambda kind, uid: f"{kind}-{uid}")


def landed(landing: Landing) -> dict[str, bytes]:
    return {file.stem.removeprefix("instance-"): file.read_bytes() for file in landing.folder.rglob("*.dcm")}


def found(server: FakeWeb, query: Query | None = None, **more) -> set[str]:
    return set(archive(server, **more).find_studies(query or Query()).studies)


@pytest.mark.parametrize("page", [1, 3, 8, 9, 200])
def test_every_page_is_asked_for(page: int):
    with fake_web(INSTANCES) as server:
        assert found(server, page=page) == STUDIES
        offsets = [path.split("offset=")[1].split("&")[0] for path in server.paths]
    assert offsets[0] == "0" and len(set(offsets)) == len(offsets)
    assert all("limit=" in path for path in server.paths)


def test_a_page_beyond_the_last_may_be_refused():
    with fake_web(INSTANCES, refuse_past_end=True) as server:
        assert found(server, page=4) == STUDIES


def test_a_server_that_caps_its_pages_below_what_was_asked_shows_all_in_the_end():
    with fake_web(INSTANCES, cap=3) as server:
        assert found(server, page=200) == STUDIES


def test_a_server_that_ignores_the_offset_is_not_asked_for_ever():
    with fake_web(INSTANCES, ignore_offset=True) as server:
        answer = archive(server).find_studies(make_query(dates="20240101-20240131"))
        assert set(answer.studies) == STUDIES and server.asked["studies"] < 20
    assert answer.notes == []


def test_a_server_that_ignores_the_offset_and_caps_is_asked_for_narrower_dates():
    with fake_web(INSTANCES, ignore_offset=True, cap=2) as server:
        answer = archive(server).find_studies(make_query(dates="20230101-20241231"))
        assert set(answer.studies) == STUDIES
    assert answer.notes == []


def test_a_single_day_that_the_server_does_not_show_whole_is_told():
    with fake_web(INSTANCES, ignore_offset=True, cap=1) as server:
        crowded = [Stored(**(vars(one) | {"date": "20240105"})) for one in INSTANCES]
        server.instances[:] = crowded
        answer = archive(server).find_studies(make_query(dates="20240101-20240110"))
        server.instances[:] = hospital()
    assert len(answer.studies) == 1
    (note,) = answer.notes
    assert note.startswith("The server shows only a part of its studies")


def test_patients_and_modalities_are_asked_for_one_by_one():
    with fake_web(INSTANCES) as server:
        query = make_query(patients=["MRN-77-0", "MRN-77-2"])
        assert found(server, query) == {"2.25.700", "2.25.701", "2.25.720", "2.25.721"}
        assert found(server, make_query(modalities=["ct", "DX"])) == STUDIES
        assert found(server, make_query(modalities=["NM"])) == set()


def test_only_enough_studies_are_asked_for():
    with fake_web(INSTANCES) as server:
        assert len(archive(server).find_studies(Query(), 3).studies) == 3
        assert server.asked["studies"] == 1 and "limit=3" in server.paths[0]


def test_series_and_instances_with_their_numbers():
    with fake_web(INSTANCES) as server:
        web = archive(server, page=2)
        (study,) = (one for one in web.find_studies(Query()).studies.values() if one.uid == "2.25.701")
        assert (study.instances, study.date, study.modalities) == (6, "20240102", ("CT", "DX"))
        series = web.find_series(study)
        assert [(one.uid, one.modality, one.instances, one.station) for one in series] == [
            ("2.25.701.0", "CT", 4, "ROOM0"),
            ("2.25.701.1", "DX", 2, "ROOM0"),
        ]
        assert list(web.find_instances(series[0])) == [f"2.25.701.0.{number}" for number in range(4)]


@pytest.mark.parametrize("length", ["none", "chunked", "length"])
def test_a_series_lands_byte_for_byte(landing: Landing, length: str):
    with fake_web(INSTANCES, length=length) as server:
        archive(server).retrieve_series(SERIES, landing)
        (headers,) = server.headers
    assert landed(landing) == FILES
    assert headers["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert landing.tally.instances == 4 and landing.tally.bytes == sum(map(len, FILES.values()))


@pytest.mark.parametrize("length", ["none", "chunked", "length"])
def test_a_cut_connection_leaves_the_whole_files_and_nothing_of_the_last(landing: Landing, length: str):
    with fake_web(INSTANCES, length=length, cuts=1) as server, pytest.raises(ArchiveProblem) as caught:
        archive(server).retrieve_series(SERIES, landing)
    assert caught.value.scope == AGAIN
    assert landed(landing) == {sop: FILES[sop] for sop in sorted(FILES)[:3]}
    assert list(landing.scratch.iterdir()) == []


def test_one_instance_with_and_without_wrapping(landing: Landing):
    with fake_web(INSTANCES) as server:
        archive(server).retrieve_instance(SERIES, "2.25.700.0.1", landing)
        server.habits.bare = True
        archive(server).retrieve_instance(SERIES, "2.25.700.0.2", landing)
    assert landed(landing) == {sop: FILES[sop] for sop in ("2.25.700.0.1", "2.25.700.0.2")}


def test_another_series_than_the_one_asked_for_is_not_taken(landing: Landing):
    with (
        fake_web(INSTANCES, swap="2.25.701.0") as server,
        pytest.raises(ArchiveProblem, match="another study") as caught,
    ):
        archive(server).retrieve_series(SERIES, landing)
    assert caught.value.scope == THIS and "4 could not be used" in str(caught.value)
    assert landed(landing) == {}


def test_what_is_no_dicom_file_does_not_cost_the_rest(landing: Landing):
    with fake_web(INSTANCES, junk=True) as server, pytest.raises(ArchiveProblem, match="1 could not be used"):
        archive(server).retrieve_series(SERIES, landing)
    assert landed(landing) == FILES


@pytest.mark.parametrize(
    ("habits", "scope", "text"),
    [
        ({"status": 401}, ALL, "wants a login (401), and there are no credentials"),
        ({"status": 403}, THIS, "does not allow this (403)"),
        ({"status": 404}, THIS, "nothing there (404)"),
        ({"status": 406}, ALL, "coding that they are stored in (406)"),
        ({"status": 301}, ALL, "sends us to another address"),
        ({"status": 429}, AGAIN, "busy or in trouble (429)"),
        ({"status": 418}, THIS, "refuses the request (418)"),
        ({"html": True}, ALL, "not with DICOM JSON"),
    ],
)
def test_what_goes_wrong_is_told_without_the_query(habits: dict, scope: str, text: str):
    with fake_web(INSTANCES, **habits) as server, pytest.raises(ArchiveProblem) as caught:
        archive(server).find_studies(make_query(patients=["MRN-77-0"]))
    assert caught.value.scope == scope and text in str(caught.value)
    assert "MRN" not in str(caught.value) and caught.value.todo and server.web in str(caught.value)


def test_a_server_that_is_not_there(landing: Landing):
    with fake_web(INSTANCES) as server:
        web = archive(server)
    for ask in (lambda: web.find_studies(Query()), lambda: web.retrieve_series(SERIES, landing), web.echo):
        with pytest.raises(ArchiveProblem, match="cannot be reached") as caught:
            ask()
        assert caught.value.scope == AGAIN


def test_a_server_that_does_not_speak_tls_or_is_not_trusted():
    with fake_web(INSTANCES) as server, pytest.raises(ArchiveProblem, match="TLS") as caught:
        WebArchive(parse_address(server.web.replace("http:", "https:")), Credentials()).echo()
    assert caught.value.scope == ALL


def test_over_tls_with_the_hospitals_own_authority_and_a_certificate_of_ours(landing: Landing, tmp_path: Path):
    hospital_authority = make_authority(tmp_path)
    with fake_web(INSTANCES, tls=hospital_authority.server_context(ask_for_certificate=True)) as server:
        files = {"client_cert": hospital_authority.certificate, "client_key": hospital_authority.key}
        web = archive(server, ca_file=hospital_authority.ca_file, **files)
        assert len(web.find_studies(Query()).studies) == 8
        web.retrieve_series(SERIES, landing)
        with pytest.raises(ArchiveProblem, match="not trusted") as caught:
            archive(server, **files).echo()
        assert "ca_file=FILE.pem" in caught.value.todo
    assert landed(landing) == FILES


def test_login_by_password_or_token_reaches_every_request(landing: Landing):
    with fake_web(INSTANCES) as server:
        for credentials in (Credentials("reader", "sécret"), Credentials(token="abc.def")):
            archive(server, credentials).find_studies(Query(), 1)
            archive(server, credentials).retrieve_series(SERIES, landing)
        assert [headers["Authorization"] for headers in server.headers] == [
            "Basic cmVhZGVyOnPDqWNyZXQ=",
            "Basic cmVhZGVyOnPDqWNyZXQ=",
            "Bearer abc.def",
            "Bearer abc.def",
        ]


def test_no_login_is_taken_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login intruder password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with fake_web(INSTANCES) as server:
        archive(server).echo()
        assert "Authorization" not in server.headers[0]


def test_a_certificate_file_must_be_there(tmp_path: Path):
    with pytest.raises(InputError, match="absent"):
        WebArchive(parse_address("https://pacs/x"), Credentials(), ca_file=tmp_path / "ca.pem")


@pytest.fixture
def filled(orthanc: Orthanc) -> Iterator[Orthanc]:  # noqa: F811
    orthanc.fill([one.content for one in INSTANCES + compressed()])
    yield orthanc
    orthanc.empty()


def test_orthanc_shows_and_sends_everything_as_it_was_stored(filled: Orthanc, landing: Landing):
    web = archive(filled, Credentials(USER, PASSWORD), page=3)
    everything = INSTANCES + compressed()
    studies = web.find_studies(Query()).studies
    assert set(studies) == {one.study for one in everything}
    jobs = [series for study in studies.values() for series in web.find_series(study)]
    threads = [threading.Thread(target=web.retrieve_series, args=(series, landing)) for series in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(series.instances or 0 for series in jobs) == len(everything)
    files = landed(landing)
    assert files == {one.sop: one.content for one in everything}


def test_orthanc_filters(filled: Orthanc):
    web = archive(filled, Credentials(USER, PASSWORD))
    answer = web.find_studies(make_query(dates="20240103-20240104", modalities=["CT"]))
    assert set(answer.studies) == {"2.25.710", "2.25.711"}
    (series,) = (one for one in web.find_series(answer.studies["2.25.711"]) if one.modality == "DX")
    assert (series.instances, series.station, series.description) == (2, "ROOM1", "Chest PA")


def test_orthanc_wants_a_login(filled: Orthanc):
    with pytest.raises(ArchiveProblem, match=r"refuses the login \(401\) with the credentials from here"):
        archive(filled, Credentials(USER, "wrong", origin="here")).echo()


def test_the_library_takes_a_cut_file_for_a_whole_one():
    """Why retrieval is not left to dicomweb-client: if this fails one day, it can be."""
    from dicomweb_client.web import DICOMwebClient

    with fake_web(INSTANCES, cuts=1) as server:
        client = DICOMwebClient(server.web)
        datasets = list(client.iter_series(SERIES.study_uid, SERIES.uid, media_types=(("application/dicom", "*"),)))
    assert len(datasets) == 4
    lengths = [len(dataset.get("PixelData") or b"") for dataset in datasets]
    assert lengths[:3] == [960, 960, 960] and lengths[3] < 960
    assert isinstance(datasets[3], pydicom.FileDataset)
