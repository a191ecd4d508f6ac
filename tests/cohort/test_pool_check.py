from __future__ import annotations

from pathlib import Path

import pytest

from tests.cohort.making import small_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.leaks import Overlap
from workbench.cohort.pool_check import pool_overlap, refuse_overlap
from workbench.errors import InputError


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return small_cohort(tmp_path / "cohorts" / "c")


def reserved(cohort: Cohort) -> list[str]:
    scans = cohort.manifest["scan_id"].tolist()
    return [scan for scan, test in zip(scans, cohort.split().is_test(scans), strict=True) if test]


def test_the_list_of_the_pool_tells(cohort: Cohort) -> None:
    clean = cohort.record_pool(cohort.pool()).digest
    leaky = cohort.record_pool(cohort.manifest["scan_id"].tolist()).digest
    assert pool_overlap(cohort, {"pool_digest": clean}, reserved(cohort)).state == "none"
    found = pool_overlap(cohort, {"pool_digest": leaky}, reserved(cohort))
    assert found.state == "found" and len(found.pictures) == len(reserved(cohort))


def test_the_list_may_lie_with_another_cohort(cohort: Cohort, tmp_path: Path) -> None:
    other = small_cohort(tmp_path / "cohorts" / "other")
    digest = other.record_pool(other.manifest["scan_id"].tolist()).digest
    assert pool_overlap(cohort, {"pool_digest": digest}, reserved(cohort)).state == "found"


@pytest.mark.parametrize("digest", ["", "0" * 16, "*", "../x"])
def test_without_a_list_nobody_knows(cohort: Cohort, digest: str) -> None:
    cohort.record_pool(cohort.pool())
    assert pool_overlap(cohort, {"pool_digest": digest}, reserved(cohort)).state == "unknown"
    assert pool_overlap(cohort, {"method": "external"}, reserved(cohort)).state == "unknown"
    assert pool_overlap(cohort, {}, reserved(cohort)).clean  # it saw nothing


def test_an_overlap_is_refused_unless_it_is_wanted() -> None:
    found = Overlap("found", ("P1", "P2"), ("h",))
    with pytest.raises(InputError) as caught:
        refuse_overlap(found, transductive=False, setting="allow_transductive", where="arms.a = x")
    assert "2 patients and 1 identical pictures" in str(caught.value) and "Where: arms.a = x" in str(caught.value)
    assert "allow_transductive=true" in str(caught.value)
    assert refuse_overlap(found, transductive=True).startswith("Transductive: ")
    assert refuse_overlap(Overlap("none"), transductive=False) == ""
    assert "is not known" in refuse_overlap(Overlap("unknown"), transductive=False)
