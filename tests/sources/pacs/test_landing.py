from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.pacs.studies import hospital
from workbench.errors import OperationFailed
from workbench.sources.pacs.archive import FoundSeries
from workbench.sources.pacs.landing import Landing, Pace, Stopped, Unusable

FILES = [one for one in hospital() if one.series == "2.25.700.0"]
SERIES = FoundSeries("2.25.700", "2.25.700.0")


def make(tmp_path: Path, **more) -> Landing:
    return Landing(tmp_path / "dicom", tmp_path / "private" / "incoming", lambda kind, uid: f"{kind[:2]}{uid}", **more)


def test_a_file_lands_whole_closed_to_others_and_once(tmp_path: Path):
    landing = make(tmp_path)
    old = os.umask(0)
    try:
        assert landing.store(SERIES, [FILES[0].content[:100], memoryview(FILES[0].content)[100:]])
    finally:
        os.umask(old)
    file = tmp_path / "dicom" / "st2.25.700" / "se2.25.700.0" / "in2.25.700.0.0.dcm"
    assert file == landing.path_of(SERIES, "2.25.700.0.0") and file.read_bytes() == FILES[0].content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (file.parent, file.parent.parent, landing.folder, landing.scratch):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not landing.store(SERIES, [FILES[0].content])
    assert landing.count(SERIES) == 1 and landing.tally.instances == 1
    assert landing.tally.bytes == 2 * len(FILES[0].content)
    assert landing.count(FoundSeries("1", "2")) == 0


def test_nothing_is_left_of_what_breaks_off(tmp_path: Path):
    landing = make(tmp_path)

    def broken() -> Iterator[bytes]:
        yield FILES[0].content[:500]
        assert len(list(landing.scratch.iterdir())) == 1 and landing.count(SERIES) == 0
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        landing.store(SERIES, broken())
    assert list(landing.scratch.iterdir()) == [] and list(landing.folder.rglob("*.dcm")) == []


def test_what_a_killed_fetch_left_is_swept_away(tmp_path: Path):
    (make(tmp_path).scratch / "1-0.part").write_bytes(b"half")
    assert list(make(tmp_path).scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "asked", "why"),
    [
        (b"<html>Sign in</html>", "", "no DICOM file"),
        (b"", "", "no DICOM file"),
        (FILES[0].content, "2.25.700.0.3", "another instance than the one asked for"),
        (next(one.content for one in hospital() if one.series == "2.25.700.1"), "", "another series"),
        (next(one.content for one in hospital() if one.study == "2.25.711"), "", "another study"),
    ],
)
def test_what_does_not_belong_is_not_taken(tmp_path: Path, content: bytes, asked: str, why: str):
    landing = make(tmp_path)
    with pytest.raises(Unusable, match=why):
        landing.store(SERIES, [content], sop_uid=asked)
    assert list(landing.folder.rglob("*")) == [] and list(landing.scratch.iterdir()) == []


def test_a_data_set_that_cannot_be_read_is_kept_by_its_start(tmp_path: Path):
    """The archive holds it so; the index will name what is wrong with it."""
    landing = make(tmp_path)
    assert landing.store(SERIES, [FILES[1].content[:700]])
    assert landing.path_of(SERIES, "2.25.700.0.1").exists()


def test_a_file_without_end_is_given_up(tmp_path: Path):
    landing = make(tmp_path, max_bytes=10_000)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"\0" * 1000

    with pytest.raises(Unusable, match="larger than 10,000 bytes"):
        landing.store(SERIES, endless())
    assert list(landing.scratch.iterdir()) == []


def test_a_stop_ends_an_arrival(tmp_path: Path):
    landing = make(tmp_path)
    landing.stop.set()
    with pytest.raises(Stopped):
        landing.store(SERIES, [FILES[0].content])
    assert list(landing.scratch.iterdir()) == [] and landing.count(SERIES) == 0


@pytest.mark.parametrize(("number", "text"), [(errno.ENOSPC, "The disk is full."), (errno.EROFS, "cannot be written")])
def test_a_disk_that_does_not_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, text: str):
    landing = make(tmp_path)

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("workbench.sources.pacs.landing.os.fsync", fail)
    with pytest.raises(OperationFailed, match=text) as caught:
        landing.store(SERIES, [FILES[0].content])
    assert "run the same command again" in caught.value.todo and list(landing.scratch.iterdir()) == []


def test_the_pace_is_held_over_all_threads():
    pace, stop = Pace(1.0), threading.Event()
    start = time.monotonic()
    threads = [threading.Thread(target=pace.hold, args=(100_000, stop)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.29 < time.monotonic() - start < 1.0
    Pace().hold(10**12, stop)
