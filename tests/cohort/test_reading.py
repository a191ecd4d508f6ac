from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.cohort.making import pixels, write_dicom, write_dicomdir
from workbench.cohort import reading
from workbench.cohort.columns import SCAN_COLUMNS
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import PendingFile, ReadFile
from workbench.cohort.pixel_hashes import pixel_hash
from workbench.cohort.reading import Chunk, read_chunk

SECRET = bytes(range(32))


def read(*files: Path, member: str = "", **settings) -> list[ReadFile]:
    pending = [PendingFile(n, str(file), member, file.stat().st_size, "north") for n, file in enumerate(files)]
    return read_chunk(replace(Chunk(SECRET, tuple(pending), limits=False), **settings))


def test_a_picture_gives_its_scan_and_its_links(tmp_path: Path):
    (found,) = read(write_dicom(tmp_path / "a.dcm", patient="00077", values=pixels(3)))
    key = SiteKey(SECRET)
    assert (found.outcome, found.detail) == ("image", "")
    scan = dict(zip(SCAN_COLUMNS, found.scans[0], strict=True))
    assert scan["pixel_hash"] == found.pixels == pixel_hash(pixels(3).astype(np.float32))
    assert scan["site"] == "north" and scan["patient_key"] == key.patient("", "00077")
    assert found.links == (
        ("patient", scan["patient_key"], key.link("patient", "00077")),
        ("patient_loose", scan["patient_key"], key.link("patient_loose", "77")),
    )


def test_files_that_are_no_pictures(tmp_path: Path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "gz").write_bytes(b"\x1f\x8b\x08 no tar inside")
    index = write_dicomdir(tmp_path / "DICOMDIR", [["a.dcm"]])
    picture = write_dicom(tmp_path / "a.dcm")
    found = read(tmp_path / "empty", tmp_path / "zip", tmp_path / "gz", index)
    assert [item.outcome for item in found] == ["empty", "archive", "not_dicom", "dicomdir"]
    assert found[1].detail == "zip" and found[3].names == (str(picture),)


def test_a_damaged_dicomdir_is_told(tmp_path: Path, monkeypatch):
    index = write_dicomdir(tmp_path / "DICOMDIR", [["a.dcm"]])
    monkeypatch.setattr("workbench.cohort.dicomdir.named_files", lambda content: (_ for _ in ()).throw(ValueError))
    (found,) = read(index)
    assert (found.outcome, found.detail, found.names) == ("dicomdir", "cannot be read", ())


@pytest.mark.parametrize(
    ("fault", "outcome", "detail"),
    [
        (MemoryError(), "too_big", "needs more memory than allowed"),
        (PermissionError(13, "Permission denied"), "unreadable", "Permission denied"),
        (KeyError("Doe^Jane"), "crashed", "KeyError"),
    ],
)
def test_faults_cost_one_file_and_quote_nothing(tmp_path: Path, monkeypatch, fault, outcome, detail):
    def fail(source):
        raise fault

    monkeypatch.setattr("workbench.dicom.open_image", fail)
    (found,) = read(write_dicom(tmp_path / "a.dcm"))
    assert (found.outcome, found.detail) == (outcome, detail)


def test_a_slow_file_is_given_up(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("workbench.dicom.open_image", lambda source: time.sleep(20))
    started = time.monotonic()
    (found,) = read(write_dicom(tmp_path / "a.dcm"), slow_s=0.2)
    assert (found.outcome, found.detail) == ("too_slow", "limit 0 s") and time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("facts", "detail"),
    [
        ({"frames": 20_001, "rows": 1, "columns": 1}, "20,001 frames; limit 20,000"),
        ({"frames": 1, "rows": 30_000, "columns": 30_000}, "30000 x 30000 pixels; limit 2 GiB decoded"),
    ],
)
def test_limits_are_kept_before_decoding(tmp_path: Path, monkeypatch, facts, detail):
    monkeypatch.setattr("workbench.dicom.open_image", lambda source: SimpleNamespace(header=SimpleNamespace(**facts)))
    (found,) = read(write_dicom(tmp_path / "a.dcm"))
    assert (found.outcome, found.detail) == ("too_big", detail)


def test_a_file_over_the_limit_is_not_opened(tmp_path: Path, monkeypatch):
    file = write_dicom(tmp_path / "a.dcm")
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 100)
    assert read(file)[0].outcome == "too_big"


def test_large_files_are_read_from_disk(tmp_path: Path, monkeypatch):
    file = write_dicom(tmp_path / "a.dcm")
    whole = read(file)
    monkeypatch.setattr(reading, "IN_MEMORY_BYTES", 10)
    assert read(file) == whole


def test_a_member_that_is_gone_is_unreadable(tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (found,) = read(tmp_path / "a.zip", member="x")
    assert (found.outcome, found.detail) == ("unreadable", "cannot be taken out of its archive")


def test_the_secret_is_in_no_printed_chunk():
    assert SECRET.hex() not in repr(Chunk(SECRET, ())) and "secret" not in repr(Chunk(SECRET, ()))


class Noting:
    """A sink that notes what it is given."""

    def __init__(self):
        self.given, self.closed = [], 0

    def open(self, number):
        self.number = number
        return self

    def add(self, scan_id, frame):
        self.given.append((scan_id, frame.values.copy()))

    def close(self):
        self.closed += 1


def test_a_sink_is_given_the_usable_frames_as_they_are(tmp_path: Path):
    sink = Noting()
    cine = np.stack([pixels(1), np.zeros_like(pixels(1)), pixels(2)])
    bad = write_dicom(tmp_path / "bad.dcm", instance="9", Rows=0)
    scout = write_dicom(tmp_path / "scout.dcm", instance="8", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    found = read(write_dicom(tmp_path / "cine.dcm", values=cine), bad, scout, sink=sink, number=7)
    assert (sink.number, sink.closed) == (7, 1)
    scans = [scan[SCAN_COLUMNS.index("scan_id")] for scan in found[0].scans]
    assert [scan_id for scan_id, _ in sink.given] == [scans[0], scans[2]]  # the second is blank
    for (_, values), expected in zip(sink.given, (pixels(1), pixels(2)), strict=True):
        np.testing.assert_array_equal(values, expected)
    assert found[1].outcome == "bad_geometry" and len(found[2].scans) == 1


def test_a_sink_is_closed_when_reading_is_broken_off(tmp_path: Path, monkeypatch):
    sink = Noting()

    def stop(*rest):
        raise SystemExit

    monkeypatch.setattr(reading, "_guarded", stop)
    with pytest.raises(SystemExit):
        read(write_dicom(tmp_path / "a.dcm"), sink=sink)
    assert sink.closed == 1
