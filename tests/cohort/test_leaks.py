from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cohort.making import small_cohort
from workbench.cohort.leaks import PoolKeys, overlap
from workbench.errors import OperationFailed


def keys(*rows: tuple[str, str, str, str | None], fingerprint: str = "aa") -> PoolKeys:
    return PoolKeys(pd.DataFrame(rows, columns=["scan_id", "patient_key", "group", "pixel_hash"]), fingerprint)


A = ("S1", "P1", "G1", "h1")


def test_nothing_shared():
    found = overlap(keys(A), keys(("S2", "P2", "G2", "h2")))
    assert (found.state, found.clean) == ("none", True)
    assert found.sentence == "No patient and no identical picture is shared."


def test_shared_patient_group_or_picture_is_found():
    assert overlap(keys(A), keys(("S2", "P1", "G1", "h2"))).patients == ("P1",)
    assert overlap(keys(A), keys(("S2", "P9", "G1", "h2"))).patients == ("P9",)
    found = overlap(keys(A), keys(("S2", "P2", "G2", "h1")))
    assert (found.state, found.patients, found.pictures, found.clean) == ("found", (), ("h1",), False)
    assert found.sentence == "0 patients and 1 identical pictures are shared."


def test_other_site_key_is_unknown_unless_a_picture_tells():
    assert overlap(keys(A), keys(("S2", "P1", "G1", "h2"), fingerprint="bb")).state == "unknown"
    assert overlap(keys(A, fingerprint=""), keys(("S2", "P2", "G2", "h2"), fingerprint="")).state == "unknown"
    assert overlap(keys(A), keys(("S2", "P2", "G2", "h1"), fingerprint="bb")).state == "found"
    assert "different site keys" in overlap(keys(A), keys(A[:3] + ("h9",), fingerprint="bb")).sentence


def test_pictures_without_a_hash_are_not_the_same_picture():
    found = overlap(keys(("S1", "P1", "G1", None)), keys(("S2", "P2", "G2", None)))
    assert (found.state, found.pictures) == ("none", ())


def test_pool_is_written_and_read_with_its_fingerprint(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c")
    pool = cohort.record_pool(cohort.pool())
    file = cohort.pools_dir / f"{pool.digest}.parquet"
    assert cohort.pools() == [file]
    again = PoolKeys.read(file)
    assert (again.digest, again.groups_digest, again.fingerprint) == (pool.digest, pool.groups_digest, "630dcd29")
    test = cohort.keys_of([scan for scan in cohort.manifest["scan_id"] if cohort.split().is_test([scan])[0]])
    assert overlap(again, test).clean
    assert overlap(again, cohort.keys_of(cohort.manifest["scan_id"])).state == "found"
    file.write_bytes(b"junk")
    with pytest.raises(OperationFailed, match="pool's patients cannot be read"):
        PoolKeys.read(file)
