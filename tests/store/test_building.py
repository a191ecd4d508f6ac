import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.cohort import Cohort
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.store import Store, StoreSettings, build_store, building
from workbench.store.index_table import FACTS
from workbench.store.shard import ShardReport, write_shard

SIZE = 16


def built(cohort, workspace, **more):
    return build_store(cohort, SIZE, workspace=workspace, workers=1, **more)


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(building, "SHARD_SCANS", (4, 4))


def content_of(store: Store) -> dict[str, int]:
    pixels = store.read(np.arange(len(store)))
    return dict(zip(store.index["scan_id"], pixels[:, 0, SIZE // 2, SIZE // 2].tolist(), strict=True))


def test_every_scan_is_decoded_in_processes(flat_cohort, workspace):
    store = build_store(flat_cohort(6), SIZE, workspace=workspace, workers=2)
    assert content_of(store) == {f"s{n}": 100 + n for n in range(6)}
    assert store.refused == [] and store.bytes == 6 * SIZE * SIZE * 2
    facts = json.loads((store.path / "store.json").read_text())
    assert (facts["scans"], facts["complete"], facts["digest"]) == (6, True, store.digest)
    assert list((store.path / "journal").iterdir()) == []


def test_an_up_to_date_store_is_not_touched(flat_cohort, workspace, here, monkeypatch):
    cohort = flat_cohort(3)
    first = built(cohort, workspace)
    monkeypatch.setattr(building, "write_shard", lambda task: pytest.fail("decoded again"))
    assert built(cohort, workspace).digest == first.digest


def test_new_scans_come_behind_and_change_the_version(flat_cohort, workspace, here, small_shards):
    first = built(flat_cohort(6), workspace)
    before = first.index[["scan_id", "row", "shard", "slot"]]
    shutil.rmtree(workspace.cohort_dir("chest"))
    second = built(flat_cohort(9), workspace)
    assert second.path == first.path and second.digest != first.digest
    assert content_of(second) == {f"s{n}": 100 + n for n in range(9)}
    pd.testing.assert_frame_equal(second.index[["scan_id", "row", "shard", "slot"]].head(6), before)
    assert content_of(first) == {f"s{n}": 100 + n for n in range(6)}  # a store already open goes on as it was


def test_the_same_scans_give_the_same_version_however_they_came_in(flat_cohort, workspace, here, small_shards):
    whole = built(flat_cohort(10), workspace)
    part = built(flat_cohort(10, "again"), workspace)
    assert whole.digest == part.digest
    other = build_store(flat_cohort(10, "smaller"), 24, workspace=workspace)
    assert other.digest != whole.digest


def test_killed_at_any_moment_it_goes_on_and_ends_the_same(flat_cohort, workspace, here, small_shards, monkeypatch):
    cohort = flat_cohort(10)
    expected = built(cohort, workspace)
    names = [name.partition("-")[0] for name in expected.index["shard"].unique()]
    assert names == ["000000", "000001", "000002"]

    class Killed(BaseException):
        pass

    steps = ["after 1 shard", "after 2 shards", "before the index", "after the index", "before the journal goes"]
    for moment in range(len(steps)):
        other = type(workspace)(workspace.root / f"killed-{moment}")
        with monkeypatch.context() as patch:
            if moment < 2:
                calls = []

                def dying(task, calls=calls, moment=moment):
                    if len(calls) > moment:
                        raise Killed
                    calls.append(task)
                    return write_shard(task)

                patch.setattr(building, "write_shard", dying)
            elif moment == 2:
                patch.setattr(building, "write_index", lambda *a, **k: (_ for _ in ()).throw(Killed))
            else:
                describe = building._Build._describe

                def dying_late(self, facts, *, left_out, prepared, describe=describe, moment=moment):
                    if prepared and moment == 3:
                        raise Killed
                    describe(self, facts, left_out=left_out, prepared=prepared)
                    if prepared:
                        raise Killed

                patch.setattr(building._Build, "_describe", dying_late)
            with pytest.raises(Killed):
                built(cohort, other)
        decoded = []
        with monkeypatch.context() as patch:
            patch.setattr(building, "write_shard", lambda task, d=decoded: d.extend(task.scans) or write_shard(task))
            store = built(cohort, other)
        assert content_of(store) == content_of(expected), steps[moment]
        assert store.digest == expected.digest, steps[moment]
        assert len(decoded) == [6, 2, 0, 0, 0][moment], steps[moment]
        assert list((store.path / "journal").iterdir()) == []


def test_a_shard_that_was_being_written_is_removed(flat_cohort, workspace, here):
    cohort = flat_cohort(3)
    expected = built(cohort, workspace)
    for name in ("000007-dead.npy", "000008-dead.tmp"):
        (expected.path / "shards" / name).write_bytes(b"half")
    (expected.path / "journal" / "000007-dead.json").write_text('{"half":')
    assert built(cohort, workspace).digest == expected.digest
    assert len(list((expected.path / "shards").iterdir())) == 1


@pytest.mark.slow
def test_kill_minus_9_loses_no_finished_shard(flat_cohort, workspace, here):
    flat_cohort(40)
    script = textwrap.dedent("""
        import sys, time
        from workbench.cohort import Cohort
        from workbench.runs.workspace import Workspace
        from workbench.store import building, build_store

        def slow(task):
            from workbench.store.shard import write_shard
            time.sleep(0.25)
            return write_shard(task)

        if __name__ == "__main__":
            building.SHARD_SCANS = (4, 4)
            building.write_shard = slow
            workspace = Workspace(sys.argv[1])
            build_store(Cohort.open(workspace.cohort_dir("chest")), 16, workspace=workspace, workers=1)
    """)
    file = workspace.root / "build.py"
    file.write_text(script)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(
        [sys.executable, str(file), str(workspace.root)], start_new_session=True, env=environment
    )
    deadline = time.monotonic() + 60
    journal = workspace.stores_dir / f"chest-{StoreSettings(size=16).store_digest()}" / "journal"
    while len(list(journal.glob("*.json"))) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = len(list(journal.glob("*.json")))
    assert 3 <= finished < 10
    decoded = []

    def counting(task):
        decoded.extend(task.scans)
        return write_shard(task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "write_shard", counting)
        store = built(Cohort.open(workspace.cohort_dir("chest")), workspace)
    assert content_of(store) == {f"s{n}": 100 + n for n in range(40)}
    assert len(decoded) == 40 - 4 * finished


def test_a_missing_shard_is_decoded_again(flat_cohort, workspace, here, small_shards):
    cohort = flat_cohort(10)
    store = built(cohort, workspace)
    next((store.path / "shards").glob("000001-*")).unlink()
    with pytest.raises(OperationFailed, match="missing or damaged"):
        store.read([5])
    mended = built(cohort, workspace)
    assert content_of(mended) == content_of_numbers(10)
    assert mended.index["row"].tolist() == list(range(10))


def content_of_numbers(count):
    return {f"s{n}": 100 + n for n in range(count)}


def test_refused_scans_are_told_and_tried_again_only_when_asked(flat_cohort, workspace, here, monkeypatch):
    cohort = flat_cohort(4)
    files = {key: cohort.path_of(key) for key in ("key-s1", "key-s2")}
    good = files["key-s1"].read_bytes()
    files["key-s1"].write_bytes(good[:-50])
    files["key-s2"].unlink()
    store = built(cohort, workspace)
    assert {item["scan_id"]: item["code"] for item in store.refused} == {"s1": "truncated", "s2": "absent"}
    assert content_of(store) == {"s0": 100, "s3": 103}
    files["key-s1"].write_bytes(good)
    assert len(built(cohort, workspace).refused) == 2
    again = built(cohort, workspace, retry=True)
    assert [item["scan_id"] for item in again.refused] == ["s2"]
    assert content_of(again) == {"s0": 100, "s3": 103, "s1": 101}


def test_a_scan_that_kills_its_process_costs_itself_only(flat_cohort, workspace, monkeypatch):
    from workbench.runs.engine import TaskResult

    def dying(function, items, **more):
        for index, task in enumerate(items):
            if any(scan.scan_id == "s2" for scan in task.scans):
                yield TaskResult(index, error="The process that worked on it died.")
            else:
                yield TaskResult(index, value=function(task))

    monkeypatch.setattr(building, "map_tasks", dying)
    store = built(flat_cohort(5), workspace)
    assert content_of(store) == {"s0": 100, "s1": 101, "s3": 103, "s4": 104}
    assert [(item["scan_id"], item["code"]) for item in store.refused] == [("s2", "crashed")]


def test_a_worker_that_fails_without_a_culprit_is_told(flat_cohort, workspace, monkeypatch):
    from workbench.runs.engine import TaskResult

    def failing(function, items, **more):
        for index, task in enumerate(items):
            value = ShardReport(task.name) if task.probe else None
            yield TaskResult(index, value=value, error=None if task.probe else "MemoryError: ")

    monkeypatch.setattr(building, "map_tasks", failing)
    with pytest.raises(OperationFailed, match="MemoryError"):
        built(flat_cohort(2), workspace)


def test_nothing_decoded_is_a_failure_with_reasons(flat_cohort, workspace, here):
    cohort = flat_cohort(2)
    for key in ("key-s0", "key-s1"):
        cohort.path_of(key).unlink()
    with pytest.raises(OperationFailed, match=r"Not one scan of the cohort 'chest'.*absent"):
        built(Cohort.open(cohort.folder), workspace)


def test_a_full_disk_is_told_before_it_is_full(flat_cohort, workspace, here, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(building.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(OperationFailed, match=r"1\.5 kB are needed, 1\.0 kB are free.*Free some space"):
        built(flat_cohort(3), workspace)


def test_a_disk_that_fills_on_the_way_keeps_what_is_done(flat_cohort, workspace, here, small_shards, monkeypatch):
    cohort = flat_cohort(10)

    def filling(task):
        return ShardReport(task.name, missing_bytes=5, free_bytes=2) if len(task.scans) < 4 else write_shard(task)

    with monkeypatch.context() as patch:
        patch.setattr(building, "write_shard", filling)
        with pytest.raises(OperationFailed, match="disk is too full"):
            built(cohort, workspace)
    decoded = []
    monkeypatch.setattr(building, "write_shard", lambda task: decoded.extend(task.scans) or write_shard(task))
    assert len(built(cohort, workspace)) == 10
    assert len(decoded) == 2


def test_a_folder_that_cannot_be_written_is_told(flat_cohort, workspace):
    workspace.root.mkdir(exist_ok=True)
    workspace.stores_dir.write_text("a file, not a folder")
    with pytest.raises(OperationFailed, match="store cannot be written"):
        built(flat_cohort(2), workspace)


def test_a_stop_request_ends_it_and_keeps_what_is_done(flat_cohort, workspace, here, small_shards):
    class Stopping(Progress):
        def stop_requested(self) -> bool:
            return True

    cohort = flat_cohort(10)
    with pytest.raises(OperationFailed, match="Stopped"):
        built(cohort, workspace, progress=Stopping(quiet=True))
    assert len(built(cohort, workspace)) == 10


def test_a_second_build_waits_for_the_first(flat_cohort, workspace, here):
    cohort = flat_cohort(2)
    store = built(cohort, workspace)
    told = []

    class Telling(Progress):
        def log(self, sentence: str) -> None:
            told.append(sentence)
            lock.close()

    lock = (store.path / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert built(cohort, workspace, progress=Telling(quiet=True)).digest == store.digest
    assert told == ["Another process prepares this store; waiting for it."]


def test_a_size_takes_the_store_that_the_user_prepared_last(flat_cohort, workspace, here):
    cohort = flat_cohort(2)
    own = build_store(cohort, settings=StoreSettings(size=SIZE, percentiles=(0, 100)), workspace=workspace)
    assert built(cohort, workspace).path == own.path
    time.sleep(0.01)
    default = build_store(cohort, settings=StoreSettings(size=SIZE), workspace=workspace)
    assert default.path != own.path
    assert built(cohort, workspace).path == default.path


def test_blank_scans_are_left_out(workspace, tmp_path, here, make_dicom, make_flat, make_cohort):
    files = {f"s{n}": make_dicom(tmp_path / f"{n}.dcm", make_flat(n)) for n in range(3)}
    cohort = make_cohort(workspace, files)
    cohort.decide("exclude", "scan", ["s1"], reason="rotated")
    store = built(Cohort.open(cohort.folder), workspace)
    assert store.index["scan_id"].tolist() == ["s0", "s2"]


def test_preparing_again_makes_a_store_the_last_one(flat_cohort, workspace, here):
    cohort = flat_cohort(2)
    own = build_store(cohort, settings=StoreSettings(size=SIZE, percentiles=(0, 100)), workspace=workspace)
    time.sleep(0.01)
    build_store(cohort, settings=StoreSettings(size=SIZE), workspace=workspace)
    time.sleep(0.01)
    build_store(cohort, settings=own.settings, workspace=workspace, retry=True)
    assert built(cohort, workspace).path == own.path


def test_a_cohort_without_its_private_folder_has_its_store_all_the_same(flat_cohort, workspace, here):
    cohort = flat_cohort(3)
    store = built(cohort, workspace)
    (cohort.private / "paths.parquet").unlink()
    assert built(cohort, workspace).digest == store.digest
    with pytest.raises(InputError, match="private part of the cohort 'chest' is not here"):
        build_store(cohort, 24, workspace=workspace)


def test_no_scratch_file_stays(flat_cohort, workspace, here):
    store = built(flat_cohort(2), workspace)
    assert sorted(file.name for file in store.path.iterdir()) == [
        ".lock", "index.parquet", "journal", "shards", "store.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1536, "1.5 kB"), (2.5e9, "2.5 GB"), (5e15, "5000.0 TB")]
)
def test_in_units(number, words):
    assert building.in_units(int(number)) == words


def as_of_an_earlier_version(store: Store, *, without: str) -> None:
    """Rewrite the index without a fact or a column."""
    file = store.path / "index.parquet"
    table = pq.read_table(file)
    facts = json.loads(table.schema.metadata[FACTS])
    facts.pop(without, None)
    if without in table.column_names:
        table = table.drop_columns([without])
    pq.write_table(table.replace_schema_metadata({FACTS: json.dumps(facts)}), file)


@pytest.mark.parametrize(("without", "decoded"), [("scans", 0), ("shards", 6), ("low", 6)])
def test_a_store_of_an_earlier_version_is_told_and_prepared_again(
    flat_cohort, workspace, here, monkeypatch, without, decoded
):
    cohort = flat_cohort(6)
    first = built(cohort, workspace)
    as_of_an_earlier_version(first, without=without)
    with pytest.raises(InputError, match="prepared by an earlier version.*Run 'workbench prepare' again"):
        Store.open(first.path)
    write, scans = building.write_shard, []
    monkeypatch.setattr(building, "write_shard", lambda task: scans.extend(task.scans) or write(task))
    second = built(cohort, workspace)
    assert len(scans) == decoded
    assert content_of(second) == {f"s{n}": 100 + n for n in range(6)} and second.digest == first.digest
    scans.clear()
    assert built(cohort, workspace).digest == first.digest and not scans
