from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.pacs.fake_web import FakeWeb, fake_web
from tests.sources.pacs.studies import hospital
from workbench.sources.pacs.address import parse_address
from workbench.sources.pacs.archive import ArchiveProblem, FoundSeries
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.credentials import Credentials
from workbench.sources.pacs.dicomweb import WebArchive
from workbench.sources.pacs.landing import Landing, Stopped
from workbench.sources.pacs.series_fetch import SeriesFetch, SeriesResult

INSTANCES = hospital()
SERIES = FoundSeries("2.25.700", "2.25.700.0", "CT", 4)
SOPS = [f"2.25.700.0.{number}" for number in range(4)]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "dicom", tmp_path / "incoming", lambda kind, uid: uid)


def fetch(server: FakeWeb, landing: Landing, series: FoundSeries = SERIES, retries: int = 2) -> SeriesResult:
    archive = WebArchive(parse_address(server.web), Credentials(), timeout_s=5.0)
    return SeriesFetch(archive, series, landing, Backoff(retries, 0.001)).run()


def outcome(result: SeriesResult) -> tuple[str, int | None, int]:
    return result.outcome, result.asked, result.here


def test_a_whole_series_takes_one_request(landing: Landing):
    with fake_web(INSTANCES) as server:
        assert outcome(fetch(server, landing)) == ("complete", 4, 4)
        assert len(server.paths) == 1
        assert outcome(fetch(server, landing)) == ("complete", 4, 4)
        assert len(server.paths) == 1  # all of it is here: nothing is asked


def test_a_cut_answer_is_completed_instance_by_instance(landing: Landing):
    with fake_web(INSTANCES, cuts=1) as server:
        result = fetch(server, landing)
        assert outcome(result) == ("complete", 4, 4) and result.missing == [] and result.detail == ""
        assert [path.rsplit("/", 1)[1] for path in server.paths if "/instances/" in path] == SOPS[3:]


def test_tries_that_bring_something_are_not_counted(landing: Landing):
    with fake_web(INSTANCES, series_lacks=3, cut_each=2) as server:
        assert outcome(fetch(server, landing, retries=1)) == ("complete", 4, 4)
        assert server.asked["retrieve"] == 7  # one, then each other in two tries, of which the first breaks off


def test_a_server_that_leaves_out_instances_of_a_series_gives_them_one_by_one(landing: Landing):
    with fake_web(INSTANCES, series_lacks=2) as server:
        assert outcome(fetch(server, landing)) == ("complete", 4, 4)
        assert [path.rsplit("/", 1)[1] for path in server.paths if "/instances/" in path] == SOPS[2:]


def test_instances_that_cannot_be_retrieved_are_named(landing: Landing):
    with fake_web(INSTANCES, gone=(SOPS[1], SOPS[3])) as server:
        result = fetch(server, landing)
    assert outcome(result) == ("short", 4, 2) and result.missing == [SOPS[1], SOPS[3]]
    assert result.detail == ("the server names 4 instances, lists 4; 2 are here. The server has nothing there (404).")
    assert not result.unreachable


def test_a_server_that_names_more_than_it_lists(landing: Landing):
    with fake_web([one for one in INSTANCES if one.sop != SOPS[0]]) as server:
        result = fetch(server, landing)
    assert outcome(result) == ("short", 4, 3) and result.missing == []
    assert result.detail == "the server names 4 instances, lists 3; 3 are here."


def test_nothing_of_a_series_comes(landing: Landing):
    with fake_web(INSTANCES, gone=tuple(SOPS)) as server:
        result = fetch(server, landing)
    assert outcome(result) == ("failed", 4, 0) and result.missing == SOPS


def test_a_server_that_tells_no_numbers_is_asked_for_its_list(landing: Landing):
    untold = FoundSeries(SERIES.study_uid, SERIES.uid)
    with fake_web(INSTANCES, no_counts=True, series_lacks=1) as server:
        assert outcome(fetch(server, landing, untold)) == ("complete", 4, 4)


def test_more_than_the_server_names(landing: Landing):
    few = FoundSeries(SERIES.study_uid, SERIES.uid, instances=3)
    with fake_web(INSTANCES) as server:
        result = fetch(server, landing, few)
    assert outcome(result) == ("complete", 3, 4) and "4 are here, more than the 3" in result.detail


def test_a_busy_server_is_waited_for_and_then_given_up(landing: Landing):
    with fake_web(INSTANCES, busy=2) as server:
        assert outcome(fetch(server, landing)) == ("complete", 4, 4)
    with fake_web(INSTANCES, busy=99) as server:
        other = FoundSeries("2.25.701", "2.25.701.0", instances=4)
        result = fetch(server, landing, other)
        assert outcome(result) == ("failed", 4, 0) and result.unreachable and len(server.paths) == 3
        assert "busy or in trouble (503)" in result.detail


def test_a_refused_login_ends_everything(landing: Landing):
    with fake_web(INSTANCES, status=401) as server, pytest.raises(ArchiveProblem, match="401"):
        fetch(server, landing)


def test_a_stop_ends_the_waiting(landing: Landing):
    landing.stop.set()
    with fake_web(INSTANCES, busy=9) as server, pytest.raises(Stopped):
        fetch(server, landing)
