import pickle

import numpy as np
import pytest

from workbench.dicom import read_frame
from workbench.store import StoreSettings, build_store, building
from workbench.store.sink import StoreSink

SETTINGS = StoreSettings(size=16)


@pytest.fixture
def cohort(flat_cohort):
    return flat_cohort(7)


def pour(sink, cohort, scans, number):
    part = pickle.loads(pickle.dumps(sink)).open(number)
    for scan in scans:
        part.add(scan, read_frame(cohort.path_of(f"key-{scan}")))
    part.close()


def decoding_is_counted(monkeypatch):
    from workbench.store.shard import write_shard

    decoded = []
    monkeypatch.setattr(
        building, "write_shard", lambda task: decoded.extend(scan.scan_id for scan in task.scans) or write_shard(task)
    )
    return decoded


def test_what_was_poured_in_is_not_decoded_again(cohort, workspace, here, monkeypatch):
    plain = build_store(cohort, settings=SETTINGS, workspace=type(workspace)(workspace.root / "plain"))
    monkeypatch.setattr(building, "SHARD_SCANS", (2, 2))
    sink = StoreSink.begin("chest", SETTINGS, workspace)
    pour(sink, cohort, ["s5", "s4", "s3"], 1)
    pour(sink, cohort, ["s0", "s1"], 0)
    decoded = decoding_is_counted(monkeypatch)
    store = build_store(cohort, settings=SETTINGS, workspace=workspace)
    assert decoded == ["s2", "s6"]
    assert store.index["scan_id"].tolist() == ["s0", "s1", "s5", "s4", "s3", "s2", "s6"]
    scans = [f"s{n}" for n in range(7)]
    assert np.array_equal(store.read(store.rows_of(scans)), plain.read(plain.rows_of(scans)))
    assert store.digest == plain.digest  # the same content, whatever the way


def test_scans_that_the_cohort_does_not_use_or_has_already_stay_out(cohort, workspace, here, monkeypatch):
    cohort.decide("exclude", "scan", ["s1"], reason="rotated")
    sink = StoreSink.begin("chest", SETTINGS, workspace)
    pour(sink, cohort, ["s0", "s1", "s2", "s0"], 0)
    pour(sink, cohort, ["s2", "s3"], 1)
    pour(sink, cohort, ["s1"], 2)
    decoded = decoding_is_counted(monkeypatch)
    store = build_store(cohort, settings=SETTINGS, workspace=workspace)
    assert decoded == ["s4", "s5", "s6"]
    assert store.index["scan_id"].tolist() == ["s0", "s2", "s3", "s4", "s5", "s6"]
    assert store.read(store.rows_of(["s3", "s2"]))[:, 0, 8, 8].tolist() == [103, 102]
    assert store.shards == 3 == len(list((store.path / "shards").iterdir()))


def test_a_sink_that_cannot_write_stops_nobody(cohort, workspace, here):
    sink = StoreSink.begin("chest", SETTINGS, workspace)
    part = sink.open(0)
    part.add("s0", read_frame(cohort.path_of("key-s0")))
    part.add("s1", "no frame")
    (sink.folder / "shards").rmdir()
    part.close()
    assert len(build_store(cohort, settings=SETTINGS, workspace=workspace)) == 7
