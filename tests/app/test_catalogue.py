from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from app.catalogue import Catalogue, catalogue
from workbench.cohort.cohort import Cohort
from workbench.errors import InputError


def cohort(folder: Path, rows: list[dict]) -> Path:
    table = pd.DataFrame(rows)
    for name in ("path_key", "patient_key", "pixel_hash"):
        table[name] = [f"{name}{n}" for n in range(len(table))]
    Cohort.create(folder, table)
    return folder


def row(scan: str, series: str, instance: str, modality: str = "CT", frame: int = 0, **more) -> dict:
    return {
        "scan_id": scan, "series_key": series, "instance_key": instance, "modality": modality, "frame": frame,
        **more,
    }  # fmt: skip


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return cohort(
        tmp_path / "mixed",
        [
            row("ct0", "s1", "i1", age_years=34, flags="blank;derived"),
            row("xray", "s2", "i9", "DX", age_years=90),
            row("ct1", "s1", "i2", flags="derived"),
            row("us0", "s3", "i5", "US", 0),
            row("us1", "s3", "i5", "US", 1),
            row("other", "s3", "i6", "US"),
            row("ct2", "s1", "i3"),
        ],
    )


def test_a_series_of_slices_is_a_stack_a_file_of_frames_too_and_any_other_picture_stands_alone(mixed: Path) -> None:
    found = Catalogue(mixed)
    assert found.stack_of("ct1") == ["ct0", "ct1", "ct2"]
    assert found.stack_of("us0") == found.stack_of("us1") == ["us0", "us1"]
    assert found.stack_of("xray") == ["xray"] and found.stack_of("other") == ["other"]
    assert found.stacks[["scan_id", "pictures"]].to_numpy().tolist() == [
        ["ct1", 3], ["xray", 1], ["us1", 2], ["other", 1],
    ]  # fmt: skip


def test_the_table_of_slices_counts_where_there_is_one(mixed: Path) -> None:
    slices = pd.DataFrame(
        {"scan_id": ["ct0", "ct1", "ct2"], "stack_id": ["A", "B", "A"], "place": [1, 0, 0], "volume_id": None}
    )
    slices.to_parquet(mixed / "slices.parquet")
    found = Catalogue(mixed)
    assert found.stack_of("ct0") == ["ct2", "ct0"]
    assert found.stack_of("ct1") == ["ct1"]
    assert found.stack_of("us1") == ["us0", "us1"]


def test_findings_and_ages_are_told_per_scan(mixed: Path) -> None:
    found = Catalogue(mixed)
    hits, names = found.findings
    assert names == ["blank", "derived"]
    assert hits[:3].tolist() == [[True, True], [False, False], [False, True]]
    assert found.age_bands.dropna().tolist() == ["30-39", "90 or over"]


def test_an_unknown_scan_is_told(mixed: Path) -> None:
    found = Catalogue(mixed)
    assert found.has("ct0") and not found.has("nobody")
    with pytest.raises(InputError, match="no picture nobody"):
        found.row("nobody")


def test_a_catalogue_is_shared_until_the_cohort_changes(workspace) -> None:
    folder = cohort(workspace.cohorts_dir / "mine", [row("a", "s", "i")])
    first = catalogue("mine")
    assert first.has("a")
    assert catalogue("mine") is first
    table = pd.read_parquet(folder / "manifest.parquet")
    pd.concat([table, table.assign(scan_id="b")]).to_parquet(folder / "manifest.parquet")
    assert catalogue("mine").has("b") and not first.has("b")


def test_a_name_that_is_no_name_is_refused(workspace) -> None:
    with pytest.raises(InputError):
        catalogue("../other")
