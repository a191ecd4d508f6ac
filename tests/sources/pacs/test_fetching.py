from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.sources.pacs.fake_web import FakeWeb, fake_web
from tests.sources.pacs.studies import hospital
from workbench.runs.progress import Progress
from workbench.sources.pacs import fetching
from workbench.sources.pacs.address import parse_address
from workbench.sources.pacs.archive import ArchiveProblem
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.credentials import Credentials
from workbench.sources.pacs.dicomweb import WebArchive
from workbench.sources.pacs.fetching import Account, Fetch
from workbench.sources.pacs.hours import Hours, parse_hours
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.query import Query, make_query
from workbench.sources.pacs.watermark import Watermark

INSTANCES = hospital()
ALL = len(INSTANCES)


class Bench:
    """Runs fetches from a fake server into one folder, each with a landing and a table of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @contextmanager
    def made(self, server: FakeWeb, query: Query | None = None, **more) -> Iterator[Fetch]:
        archive = WebArchive(parse_address(server.web), Credentials(), timeout_s=5.0, connections=2)
        landing = Landing(self.folder / "dicom", self.folder / "incoming", lambda kind, uid: uid)
        defaults = {"backoff": Backoff(1, 0.001), "progress": Progress(quiet=True)}
        with closing(Watermark(self.folder / "t.sqlite", "f00d")) as table:
            try:
                yield Fetch(archive, query or Query(), landing, table, **(defaults | more))
            finally:
                table.write_lists(self.folder)

    def fetch(self, server: FakeWeb, query: Query | None = None, *, count_only: bool = False, **more) -> Account:
        with self.made(server, query, **more) as work:
            account = work.run(count_only=count_only)
        assert account.asked + account.extra == account.received + account.already + account.missing
        assert sum(account.outcomes.values()) == account.series
        return account

    @property
    def files(self) -> dict[str, bytes]:
        return {file.stem: file.read_bytes() for file in (self.folder / "dicom").rglob("*.dcm")}

    def outcomes(self) -> list[dict[str, str]]:
        with (self.folder / "outcomes.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "out")


def test_everything_comes_once_and_then_nothing_is_asked_for(bench: Bench):
    with fake_web(INSTANCES) as server:
        account = bench.fetch(server)
        assert (account.studies, account.unchanged, account.series) == (8, 0, 16)
        assert (account.asked, account.received, account.already, account.missing) == (ALL, ALL, 0, 0)
        assert account.outcomes == {"complete": 16} and account.notes == []
        assert bench.files == {one.sop: one.content for one in INSTANCES}
        server.asked.clear()
        account = bench.fetch(server)
        assert (account.unchanged, account.series, account.asked) == (8, 0, 0)
        assert set(server.asked) == {"studies"}
        account = bench.fetch(server, recheck=True)
        assert (account.unchanged, account.already, account.received) == (0, ALL, 0)
        assert server.asked["retrieve"] == 0


def test_what_was_added_to_a_study_is_fetched_and_nothing_else(bench: Bench):
    late = [one for one in INSTANCES if one.sop == "2.25.711.0.3"]
    with fake_web([one for one in INSTANCES if one not in late]) as server:
        bench.fetch(server)
        assert server.asked["series"] == 8
        server.instances += late
        server.paths.clear()
        account = bench.fetch(server)
        assert (account.unchanged, account.received, account.already) == (7, 1, 5)
        assert [path for path in server.paths if path.endswith("2.25.711.0.3")] and server.asked["series"] == 9
        assert bench.files == {one.sop: one.content for one in INSTANCES}


def test_a_server_that_tells_no_numbers_is_asked_every_time(bench: Bench):
    with fake_web(INSTANCES, no_counts=True) as server:
        assert bench.fetch(server).received == ALL
        account = bench.fetch(server)
    assert (account.unchanged, account.already, account.received) == (0, ALL, 0)


def test_another_choice_of_series_looks_at_the_studies_again(bench: Bench):
    with fake_web(INSTANCES) as server:
        account = bench.fetch(server, make_query(modalities=["DX"]))
        assert account.received == 12 and account.left_out == {"series: another modality": 8}
        account = bench.fetch(server, make_query(modalities=["CT"]))
        assert (account.unchanged, account.received) == (0, 32)
        assert bench.fetch(server, make_query(modalities=["CT"])).unchanged == 8


@pytest.mark.parametrize(
    ("given", "sops"),
    [
        ({"dates": "20240101-20240102"}, lambda one: one.date <= "20240102"),
        ({"patients": ["MRN-77-1"]}, lambda one: one.patient == "MRN-77-1"),
        ({"words": ["chest"]}, lambda one: one.modality == "DX"),
        ({"words": ["VISIT 1"]}, lambda one: one.study_description == "visit 1"),
        ({"stations": ["room3"]}, lambda one: one.station == "ROOM3"),
        ({"modalities": ["CT"], "dates": "20240108"}, lambda one: one.modality == "CT" and one.date == "20240108"),
    ],
)
@pytest.mark.parametrize("ignore_filters", [False, True])
def test_filters_hold_also_where_the_server_ignores_them(
    bench: Bench, given: dict, sops: Callable, ignore_filters: bool
):
    with fake_web(INSTANCES, ignore_filters=ignore_filters) as server:
        bench.fetch(server, make_query(**given))
    assert set(bench.files) == {one.sop for one in INSTANCES if sops(one)} != set()


def test_series_that_are_hidden_from_us_are_missing(bench: Bench):
    with fake_web(INSTANCES, hide_series=("2.25.700.0",)) as server:
        account = bench.fetch(server)
        assert (account.asked, account.received, account.missing) == (ALL, ALL - 4, 4)
        assert account.outcomes == {"complete": 15, "short": 1}
        (row,) = (row for row in bench.outcomes() if row["outcome"] == "short")
        assert (row["study_uid"], row["series_uid"], row["missing"]) == ("2.25.700", "", "4")
        assert "4 more instances for the study than for its series together" in row["detail"]
        assert bench.fetch(server).unchanged == 7
        account = bench.fetch(server, make_query(modalities=["DX"]))
    assert account.missing == 0 and account.notes == [
        "For 1 studies the server names more instances than for their series together: "
        "some of their series are hidden from us."
    ]


def test_a_study_whose_series_cannot_be_listed_is_a_failure_of_its_own(bench: Bench):
    with fake_web(INSTANCES) as server:
        with bench.made(server) as work:
            honest = work._archive.find_series

            def find(study):
                if study.uid == "2.25.710":
                    raise ArchiveProblem("The server has nothing there (404).")
                return honest(study)

            work._archive.find_series = find  # type: ignore[method-assign]
            account = work.run()
        assert (account.missing, account.received, account.outcomes["failed"]) == (5, ALL - 5, 1)
        (row,) = (row for row in bench.outcomes() if row["outcome"] == "failed")
        assert row["detail"] == "its series cannot be listed. The server has nothing there (404)."
        account = bench.fetch(server)
        assert (account.unchanged, account.received) == (7, 5)
        assert {row["outcome"] for row in bench.outcomes()} == {"complete"}


def test_a_fetch_that_broke_off_goes_on(bench: Bench):
    with fake_web(INSTANCES, gone=tuple(one.sop for one in INSTANCES if one.study > "2.25.715")) as server:
        account = bench.fetch(server)
        assert account.outcomes == {"complete": 8, "failed": 8} and account.missing == ALL // 2
        kept = {file: file.stat().st_mtime_ns for file in (bench.folder / "dicom").rglob("*.dcm")}
        server.habits.gone = ()
        account = bench.fetch(server)
        assert (account.unchanged, account.received, account.missing) == (4, ALL // 2, 0)
    assert bench.files == {one.sop: one.content for one in INSTANCES}
    assert all(file.stat().st_mtime_ns == time for file, time in kept.items())


def test_a_server_that_has_gone_is_given_up_after_three_series(bench: Bench):
    with fake_web(INSTANCES) as server, bench.made(server) as work:
        work._plan(work._find())
        work._archive.retrieve_series = _unreachable  # type: ignore[method-assign]
        work._find = list  # type: ignore[method-assign]
        with pytest.raises(ArchiveProblem, match="failed 3 times in a row") as caught:
            work.run()
    assert "run the same command again" in caught.value.todo
    rows = bench.outcomes()
    states = [row["outcome"] for row in rows]
    assert states.count("failed") == 3 and states.count("planned") == 13
    assert work.account.missing == ALL and work.account.outcomes["planned"] == 13


def _unreachable(*words: object) -> None:
    raise ArchiveProblem("The server cannot be reached.", scope="again")


def test_a_refused_login_ends_it_at_once(bench: Bench):
    with fake_web(INSTANCES, status=401) as server, pytest.raises(ArchiveProblem, match="401"):
        bench.fetch(server)
    assert len(server.paths) == 1


def test_counting_fetches_nothing(bench: Bench):
    with fake_web(INSTANCES) as server:
        account = bench.fetch(server, count_only=True)
        assert (account.asked, account.missing, account.received) == (ALL, ALL, 0)
        assert account.outcomes == {"planned": 16} and server.asked["retrieve"] == 0 and bench.files == {}
        assert bench.fetch(server).received == ALL


class Impatient(Progress):
    """Asks for a stop once something has come."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[tuple[int, int, str]] = []

    def progress(self, step: int, total: int, unit: str = "scans", **numbers: float | int | str) -> None:
        super().progress(step, total, unit, **numbers)
        self.lines.append((step, total, unit))

    def stop_requested(self) -> bool:
        return any(step >= 6 and unit == "instances" for step, _, unit in self.lines)


def test_a_stop_keeps_what_has_come(bench: Bench):
    with fake_web(INSTANCES, delay_s=0.05) as server:
        account = bench.fetch(server, progress=Impatient())
        assert account.stopped and 6 <= account.received < ALL and account.outcomes["planned"] > 0
        assert account.missing == ALL - account.received
        server.habits.delay_s = 0
        account = bench.fetch(server)
    assert not account.stopped and account.missing == 0
    assert bench.files == {one.sop: one.content for one in INSTANCES}


def test_progress_counts_instances_up_to_their_number(bench: Bench):
    watch = Impatient()
    watch.stop_requested = lambda: False  # type: ignore[method-assign]
    with fake_web(INSTANCES) as server:
        bench.fetch(server, progress=watch)
    assert watch.lines[-1] == (ALL, ALL, "instances") and (8, 8, "studies listed") in watch.lines
    assert watch.numbers["received"] == fetching.megabytes(sum(len(one.content) for one in INSTANCES))


def test_outside_the_hours_it_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    asked: list[datetime] = []

    def holds(self: Hours, now: datetime) -> bool:
        asked.append(now)
        return len(asked) > 2

    monkeypatch.setattr(Hours, "holds", holds)
    monkeypatch.setattr(fetching, "HOURS_LOOK_S", 0.01)
    with fake_web(INSTANCES) as server:
        assert bench.fetch(server, hours=parse_hours("20-6")).received == ALL
    assert len(asked) == 2 + 16


@pytest.mark.parametrize(("number", "text"), [(0, "0.0 MB"), (1_250_000, "1.2 MB"), (4_560_000_000, "4.56 GB")])
def test_bytes_in_words(number: int, text: str):
    assert fetching.megabytes(number) == text
