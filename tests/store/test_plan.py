import os

import pytest

from workbench.store.plan import Plan
from workbench.store.shard import ScanFile


@pytest.fixture
def plan_of(tmp_path):
    plans = []

    def make(cohort):
        plans.append(Plan(tmp_path / f"plan-{len(plans)}.sqlite", cohort))
        return plans[-1]

    yield make
    for plan in plans:
        plan.close()
    assert not list(tmp_path.glob("plan*"))


def row(scan, content="c"):
    return [scan, 0, content]


def test_what_is_not_done_is_to_be_decoded_in_order(flat_cohort, plan_of):
    cohort = flat_cohort(5)
    plan = plan_of(cohort)
    plan.add_indexed([("s1", "c1", "000000-a")])
    plan.add_shard("000001-b", [row("s3")])
    assert (plan.done, plan.missing()) == (2, 3)
    files = list(plan.scan_files({"s4": ("damaged", "")}))
    assert [file.scan_id for file in files] == ["s0", "s2"]
    table = cohort.manifest.set_index("scan_id")
    path = os.fspath(cohort.path_of("key-s2"))
    assert files[1] == ScanFile("s2", path, 0, table.loc["s2", "pixel_hash"])  # no time known: hashed again


def test_an_unchanged_file_is_not_hashed_again(flat_cohort, plan_of):
    cohort = flat_cohort(2)
    table = cohort.private_table("paths")
    for key in ("key-s0", "key-s1"):
        state = cohort.path_of(key).stat()
        table.loc[table["path_key"] == key, ["size", "mtime_ns"]] = [state.st_size, state.st_mtime_ns]
    table.to_parquet(cohort.private / "paths.parquet")
    os.utime(cohort.path_of("key-s1"), ns=(0, 0))
    hashes = [file.pixel_hash for file in plan_of(cohort).scan_files({})]
    assert hashes[0] == "" and len(hashes[1]) == 32


def test_files_out_of_reach_are_refused_with_their_reason(flat_cohort, plan_of):
    cohort = flat_cohort(2)
    cohort.path_of("key-s0").unlink()
    refused = {}
    assert [file.scan_id for file in plan_of(cohort).scan_files(refused)] == ["s1"]
    assert refused == {"s0": ("absent", "A file of the cohort is no longer where it was indexed.")}


def test_excluded_scans_are_left_out_and_counted(flat_cohort, plan_of):
    cohort = flat_cohort(4)
    cohort.decide("exclude", "scan", ["s1", "s2"], reason="rotated")
    plan = plan_of(cohort)
    plan.add_shard("000000-a", [row("s0"), row("s1"), row("s0"), row("nobody")])
    assert (plan.left_out, plan.done) == (2, 1)
    assert plan.rows_of("000000-a", [row("s0", "first"), row("s1"), row("s0", "again")]) == [row("s0", "first")]


def test_the_digest_depends_on_content_and_not_on_order(flat_cohort, plan_of):
    cohort = flat_cohort(3)
    first, second, third = (plan_of(cohort) for _ in range(3))
    first.add_indexed([("s0", "a", "x"), ("s1", "b", "x")])
    second.add_shard("y", [row("s1", "b"), row("s0", "a")])
    third.add_indexed([("s0", "a", "x"), ("s1", "other", "x")])
    assert first.digest("settings") == second.digest("settings") != third.digest("settings")
    assert first.digest("settings") != first.digest("others")
