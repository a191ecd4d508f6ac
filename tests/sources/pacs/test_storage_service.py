"""Our own storage service: it takes what was asked for, and nothing else."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.association import Association

from tests.sources.pacs.studies import hospital
from workbench.errors import OperationFailed
from workbench.sources.pacs.archive import FoundSeries
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.storage_service import Reception, StorageService

CT = "1.2.840.10008.5.1.4.1.1.2"
SERIES = FoundSeries("2.25.700", "2.25.700.0", "CT", 4)
FILES = {one.sop: one for one in hospital()}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "dicom", tmp_path / "incoming", lambda kind, uid: uid)


@contextmanager
def calling(reception: Reception, title: str = "WORKBENCH") -> Iterator[Association]:
    service = StorageService("127.0.0.1", 0, "WORKBENCH", reception)
    entity = AE(ae_title="ANYBODY")
    entity.add_requested_context(CT)
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", service.port, ae_title=title)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        service.close()
        service.close()  # twice does no harm


def send(association: Association, sop: str) -> int:
    return association.send_c_store(dcmread(io.BytesIO(FILES[sop].content))).Status


def test_only_the_series_that_is_expected_is_taken(landing: Landing):
    reception = Reception()
    with calling(reception) as association:
        assert association.send_c_echo().Status == 0x0000
        assert send(association, "2.25.700.0.0") == 0x0124
        reception.expect(SERIES, landing)
        assert send(association, "2.25.700.0.0") == 0x0000
        assert send(association, "2.25.700.0.0") == 0x0000  # again: there already
        assert send(association, "2.25.701.0.0") == 0xA900
        assert (reception.taken, reception.refused) == (2, 1)
        reception.expect(None, None)
        assert send(association, "2.25.700.0.1") == 0x0124
    assert [file.name for file in landing.folder.rglob("*.dcm")] == ["2.25.700.0.0.dcm"]


def test_a_call_for_another_title_is_rejected():
    with calling(Reception(), "SOMEBODY") as association:
        assert association.is_rejected


def test_a_full_disk_is_told_to_the_server_and_to_us(landing: Landing, monkeypatch: pytest.MonkeyPatch):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    reception = Reception()
    reception.expect(SERIES, landing)
    reception.check()
    with calling(reception) as association:
        monkeypatch.setattr("workbench.sources.pacs.landing.os.fsync", full)
        assert send(association, "2.25.700.0.0") == 0xA700
    with pytest.raises(OperationFailed, match="The disk is full"):
        reception.check()
    assert landing.count(SERIES) == 0


def test_a_stop_is_remembered(landing: Landing):
    reception = Reception()
    reception.expect(SERIES, landing)
    landing.stop.set()
    with calling(reception) as association:
        assert send(association, "2.25.700.0.0") == 0xA700
    assert reception.stopped is not None and landing.count(SERIES) == 0
    reception.expect(SERIES, landing)
    assert reception.stopped is None
