from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench.cohort
from tests.cohort.making import small_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.columns import NAMES
from workbench.cohort.labels import Labels
from workbench.errors import InputError, OperationFailed


def labels_of(cohort: Cohort, scans: list[str]) -> Labels:
    table = pd.DataFrame({"scan_id": scans, "label": ["no", "yes"] * (len(scans) // 2)})
    return Labels("v1", "binary", ["no", "yes"], table, table[["scan_id"]])


def test_created_cohort_reads_back(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c", patients=10, scans=3)
    again = Cohort.open(tmp_path / "c")
    assert list(again.manifest.columns) == list(NAMES)
    assert len(again.manifest) == 30
    assert again.manifest["group"].tolist()[:3] == ["G000"] * 3
    assert again.manifest["site"].isna().sum() == 0 and again.manifest["modality"].isna().all()
    assert again.version == cohort.version and len(again.version) == 16
    assert stat.S_IMODE((tmp_path / "c" / "private").stat().st_mode) == 0o700
    assert repr(again) == "Cohort('c')"
    with pytest.raises(InputError, match="exists already"):
        small_cohort(tmp_path / "c")


def test_absent_cohort_names_those_that_exist(tmp_path: Path):
    small_cohort(tmp_path / "one", patients=2)
    with pytest.raises(InputError, match="no cohort 'two'.*Known: one"):
        Cohort.open(tmp_path / "two")


def test_pool_development_and_test_are_disjoint_by_patient(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c", patients=60)
    scans = cohort.manifest["scan_id"].tolist()
    labels = labels_of(cohort, scans[:80])
    pool, development, test = cohort.pool(), cohort.development(labels), cohort.test(labels)
    patient = cohort.manifest.set_index("scan_id")["patient_key"]
    assert not set(patient[development]) & set(patient[test])
    assert not set(patient[pool]) & set(patient[test])
    assert len(development) + len(test) == 80
    reserved = cohort.split().is_test(scans)
    assert len(pool) == int((~reserved).sum()) and 0 < reserved.sum() < 120
    assert set(test) == set(np.array(scans)[:80][reserved[:80]])


def test_identical_pictures_tie_patients_and_count_once(tmp_path: Path):
    manifest = pd.DataFrame(
        {
            "scan_id": ["a", "b", "c", "d", "e"],
            "path_key": list("12345"),
            "patient_key": ["P1", "P2", "P3", "P4", "P5"],
            "pixel_hash": ["x", "x", "y", "z", "z"],
            "flags": ["", "", "", "blank", "blank"],
        }
    )
    cohort = Cohort.create(tmp_path / "c", manifest, test_share=0.0)
    assert cohort.manifest["group"].tolist() == ["G1", "G1", "G3", "G4", "G5"]
    assert cohort.pool().tolist() == ["a", "c"]


def test_scans_without_a_hash_count_each_by_itself(tmp_path: Path):
    manifest = pd.DataFrame(
        {
            "scan_id": ["a", "b", "c", "d", "e"],
            "path_key": list("12345"),
            "patient_key": ["P1", "P2", "P3", "P4", "P4"],
            "pixel_hash": [None, None, "y", "y", None],
        }
    )
    cohort = Cohort.create(tmp_path / "c", manifest, test_share=0.0)
    assert Cohort.open(cohort.folder).pool().tolist() == cohort.pool().tolist() == ["a", "b", "c", "e"]


def test_paths_are_known_to_the_private_folder_only(tmp_path: Path):
    file = tmp_path / "x.dcm"
    file.write_bytes(b"1")
    manifest = pd.DataFrame({"scan_id": ["a"], "path_key": ["F1"], "patient_key": ["P1"], "pixel_hash": ["x"]})
    cohort = Cohort.create(tmp_path / "c", manifest, paths={"F1": file})
    assert cohort.path_of("F1") == file
    with pytest.raises(InputError, match="path key F2 is unknown"):
        cohort.path_of("F2")
    file.unlink()
    with pytest.raises(OperationFailed, match="no longer where it was indexed") as caught:
        cohort.path_of("F1")
    assert str(file) not in str(caught.value)
    (cohort.private / "paths.parquet").unlink()
    with pytest.raises(InputError, match="private part of the cohort 'c' is not here"):
        Cohort.open(cohort.folder).path_of("F1")


def test_other_site_key_is_refused(tmp_path: Path, monkeypatch):
    cohort = small_cohort(tmp_path / "c", patients=2)
    assert cohort.site_key().fingerprint == "630dcd29" == cohort.fingerprint
    (tmp_path / "other.key").write_bytes(bytes(32))
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(tmp_path / "other.key"))
    with pytest.raises(InputError, match="made under the site key 630dcd29"):
        cohort.site_key()


def test_damaged_manifest_is_explained(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c", patients=2)
    (cohort.folder / "manifest.parquet").write_bytes(b"junk")
    with pytest.raises(OperationFailed, match="manifest cannot be read"):
        _ = Cohort.open(cohort.folder).manifest


def test_package_gives_its_names_when_first_used():
    assert workbench.cohort.Cohort is Cohort
    assert workbench.cohort.overlap.__module__ == "workbench.cohort.leaks"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = workbench.cohort.Nothing


def test_columns_are_read_alone_unless_the_whole_is_there(tmp_path: Path, monkeypatch):
    small_cohort(tmp_path / "c", patients=3, scans=2)
    cohort = Cohort.open(tmp_path / "c")
    asked = []
    read = pd.read_parquet
    monkeypatch.setattr(pd, "read_parquet", lambda *a, **k: asked.append(k["columns"]) or read(*a, **k))
    alone = cohort.columns("scan_id", "patient_key")
    assert asked == [["scan_id", "patient_key"]] and "manifest" not in vars(cohort)
    cohort.usable()
    cohort.pool()
    assert all(columns is not None for columns in asked)
    whole = cohort.manifest
    asked.clear()
    pd.testing.assert_frame_equal(cohort.columns("scan_id", "patient_key"), alone)
    pd.testing.assert_frame_equal(whole[["scan_id", "patient_key"]], alone)
    assert cohort.usable().all() and asked == []
