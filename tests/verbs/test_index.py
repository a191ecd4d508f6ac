from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cohort.making import pixels, write_dicom, write_dicomdir
from tests.verbs.indexing import make_tree, manifest, run
from workbench.cohort.cohort import Cohort
from workbench.cohort.columns import NAMES
from workbench.cohort.keys import SiteKey
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

PLANTED = ("Doe", "Planted", "PAT-", "19610203", "20190405", "ACC998877", "STATION7", "2.25.10.", "secret-folder")


def test_totals_keys_and_facts_of_a_small_tree(tmp_path: Path):
    source = make_tree(tmp_path / "src")
    (source / "notes.txt").write_text("hello, no picture here")
    (source / "nothing").write_bytes(b"")
    result = run(tmp_path, source)
    assert json.loads(result.model_dump_json()) == {
        "seen": 14,
        "used": 12,
        "refused": 2,
        "scans": 12,
        "series": 6,
        "volumes": 0,
        "patients": 6,
        "outcomes": {"empty": 1, "image": 12, "not_dicom": 1},
    }
    assert result.exit_code == 0
    assert "14 files → 12 pictures from 6 patients. Nothing needs your decision." in result.summary()
    table = manifest(tmp_path)
    assert list(table.columns) == list(NAMES)
    row, key = table.iloc[0], SiteKey.load()
    assert row["patient_key"] == key.patient("", "PAT-0") and row["study_key"] == key.uid("2.25.10.1")
    assert row["instance_key"] == key.uid("2.25.10.1.1.100") and row["scan_id"] == key.scan(row["instance_key"], 0)
    assert row["path_key"] == key.path(str(source / "p0" / "0.dcm"))
    assert (row["modality"], row["view_position"], row["sex"], row["bits_stored"]) == ("DX", "PA", "F", 12)
    assert (row["rows"], row["columns"], row["frames"], row["frame"]) == (24, 20, 1, 0)
    assert row["group"] == "G" + row["patient_key"][1:] and not row["patient_unknown"] and row["flags"] == ""
    assert row["scanner"].startswith("Maker Model 1 ") and row["site"].startswith("site ")
    refused = pd.read_csv(tmp_path / "data_manifests" / "c" / "refused.csv")
    assert refused["outcome"].tolist() == ["not_dicom", "empty"] or refused["outcome"].tolist() == [
        "empty",
        "not_dicom",
    ]
    assert Cohort.open(tmp_path / "data_manifests" / "c").path_of(row["path_key"]) == source / "p0" / "0.dcm"


def test_no_name_identifier_or_path_leaves_the_private_folder(tmp_path: Path, capfd):
    source = make_tree(tmp_path / "secret-folder")
    (source / "Planted.txt").write_text("Doe")
    write_dicom(source / "bad.dcm", instance="99", patient="PAT-9", Rows=0, SeriesInstanceUID="Planted^Doe bad uid")
    settings = IndexSettings(sources=[source], cohort="c", workers=1)
    shown = index(settings, workspace=Workspace(tmp_path), progress=Progress()).summary()
    out, err = capfd.readouterr()
    folder = tmp_path / "data_manifests" / "c"
    for file in folder.iterdir():
        if file.is_file():
            content = file.read_bytes() if file.suffix != ".parquet" else pd.read_parquet(file).to_csv().encode()
            raw = file.read_bytes()
            for word in PLANTED:
                assert word.encode() not in content and word.encode() not in raw, (file.name, word)
    for word in PLANTED:
        assert word not in shown + out + err
    private = folder / "private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert b"PAT-" not in (private / "ledger.sqlite").read_bytes()
    assert "PAT-" not in pd.read_parquet(private / "links.parquet").to_csv()


def test_duplicates_conflicts_and_identical_pictures(tmp_path: Path):
    source = tmp_path / "src"
    same = pixels(5)
    write_dicom(source / "a.dcm", patient="PAT-1", instance="1", values=same)
    shutil.copy(source / "a.dcm", source / "b.dcm")
    write_dicom(source / "c.dcm", patient="PAT-1", instance="1", values=pixels(6))
    write_dicom(source / "d.dcm", patient="PAT-2", study="2", instance="7", values=same)
    write_dicom(source / "e.dcm", patient="PAT-3", study="3", instance="8", values=np.zeros((9, 9), np.uint16))
    write_dicom(source / "f.dcm", patient="PAT-4", study="4", instance="9", values=np.zeros((9, 9), np.uint16))
    result = run(tmp_path, source)
    assert result.outcomes == {"duplicate": 1, "image": 4, "uid_conflict": 1}
    assert (result.seen, result.used, result.scans, result.patients) == (6, 4, 4, 4)
    table = manifest(tmp_path)
    key = SiteKey.load()
    assert table["path_key"].tolist() == [key.path(str(source / f"{name}.dcm")) for name in "adef"]
    assert table["flags"].tolist() == ["identical_pixels"] * 2 + ["blank;identical_pixels"] * 2
    assert table["group"].nunique() == 3 and table["group"][0] == table["group"][1]
    cohort = Cohort.open(tmp_path / "data_manifests" / "c")
    kept = set(cohort.pool()) | set(table.loc[cohort.split().is_test(table["scan_id"]), "scan_id"])
    assert set(table["scan_id"][2:]) & set(cohort.pool()) == set() and kept
    numbers = json.loads((cohort.folder / "intake.json").read_text())
    assert numbers["identical_pictures"] == 2 and numbers["identical_pictures_across_patients"] == 1
    assert numbers["decisions_needed"] == 2
    assert "6 files → 4 pictures from 4 patients. 2 need your decision." in result.summary()
    assert "6 files → 4 pictures from 4 patients. 2 need your decision." in (cohort.folder / "intake.html").read_text()


def test_missing_patient_makes_the_study_a_patient(tmp_path: Path):
    source = tmp_path / "src"
    for study in ("1", "2"):
        for instance in ("1", "2"):
            write_dicom(
                source / f"{study}{instance}.dcm",
                patient=" " if study == "1" else None,
                study=study,
                instance=study + instance,
            )
    assert run(tmp_path, source).patients == 2
    table = manifest(tmp_path)
    assert table["patient_unknown"].all() and set(table["flags"]) == {"patient_unknown"}
    assert table.groupby("study_key")["patient_key"].nunique().tolist() == [1, 1]


def test_frames_are_scans_of_one_instance(tmp_path: Path):
    values = np.stack([pixels(1), pixels(2), pixels(1)])
    write_dicom(tmp_path / "src" / "cine.dcm", values=values)
    result = run(tmp_path, tmp_path / "src")
    assert (result.seen, result.scans, result.series) == (1, 3, 1)
    table = manifest(tmp_path)
    assert table["frame"].tolist() == [0, 1, 2] and table["scan_id"].is_unique
    assert table["pixel_hash"][0] == table["pixel_hash"][2] != table["pixel_hash"][1]
    assert table["frames"].tolist() == [3, 3, 3]


def test_second_index_reads_nothing_and_changes_nothing(tmp_path: Path, monkeypatch):
    source = make_tree(tmp_path / "src")
    first = run(tmp_path, source)
    folder = tmp_path / "data_manifests" / "c"
    before = {name: (folder / name).stat().st_mtime_ns for name in ("manifest.parquet", "intake.json", "split.json")}
    monkeypatch.setattr("workbench.cohort.pending.read_chunk", None)
    again = run(tmp_path, source)
    assert again.model_dump() == first.model_dump() and "Nothing had changed" in again.summary()
    assert before == {name: (folder / name).stat().st_mtime_ns for name in before}


def test_changed_new_and_missing_files(tmp_path: Path):
    source = make_tree(tmp_path / "src")
    run(tmp_path, source)
    before = manifest(tmp_path)
    write_dicom(source / "p0" / "0.dcm", patient="PAT-0", study="1", instance="100", values=pixels(77, 30, 30))
    write_dicom(source / "p9" / "0.dcm", patient="PAT-9", study="99", instance="900")
    (source / "p1" / "1.dcm").unlink()
    result = run(tmp_path, source)
    assert (result.seen, result.scans, result.patients) == (12, 12, 7)
    after = manifest(tmp_path)
    assert after["scan_id"][0] == before["scan_id"][0] and after["pixel_hash"][0] != before["pixel_hash"][0]
    assert "1 file indexed before is no longer there." in result.summary()
    write_dicom(source / "p1" / "1.dcm", patient="PAT-1", study="2", instance="111")
    assert run(tmp_path, source).seen == 13


def test_adding_a_source_grows_the_cohort_and_moves_nobody(tmp_path: Path):
    first, second = make_tree(tmp_path / "one", 20), tmp_path / "two"
    for number in range(20, 40):
        write_dicom(second / f"{number}.dcm", patient=f"PAT-{number}", study=str(number + 1), instance=f"{number}")
    run(tmp_path, first)
    before = manifest(tmp_path)
    reserved = set(Cohort.open(tmp_path / "data_manifests" / "c").split().test_patients)
    result = run(tmp_path, second, site="Annex")
    after = manifest(tmp_path)
    assert (result.seen, result.patients) == (60, 40)
    assert after["scan_id"][:40].tolist() == before["scan_id"].tolist()
    assert set(after["site"][40:]) == {"Annex"}
    now = set(Cohort.open(tmp_path / "data_manifests" / "c").split().test_patients)
    assert now & set(before["patient_key"]) == reserved and len(now) > len(reserved)
    whole = run(tmp_path, tmp_path / "one", tmp_path / "two", cohort="whole")
    assert whole.seen == 60
    assert set(Cohort.open(tmp_path / "data_manifests" / "whole").split().test_patients) == now


def test_a_link_found_later_moves_both_to_development_and_says_so(tmp_path: Path):
    source = make_tree(tmp_path / "src", 20)
    run(tmp_path, source)
    cohort = Cohort.open(tmp_path / "data_manifests" / "c")
    table, reserved = cohort.manifest, cohort.split().test_patients
    is_test = table["patient_key"].isin(reserved)
    numbers = {SiteKey.load().patient("", f"PAT-{n}"): n for n in range(20)}
    test, free = numbers[table.loc[is_test, "patient_key"].iloc[0]], numbers[table.loc[~is_test, "patient_key"].iloc[0]]
    shared = pixels(int(f"1{test}0"))
    write_dicom(source / "later.dcm", patient=f"PAT-{free}", study=str(free + 1), instance="5555", values=shared)
    result = run(tmp_path, source)
    moved = SiteKey.load().patient("", f"PAT-{test}")
    split = Cohort.open(cohort.folder).split()
    assert moved not in split.test_patients and split.moved == (moved,)
    assert set(reserved) - set(split.test_patients) == {moved}
    assert "1 patient moved from test to development" in result.summary()


def test_archives_are_entered_and_counted_once(tmp_path: Path):
    tree = make_tree(tmp_path / "tree", 3)
    source = tmp_path / "src"
    source.mkdir()
    with zipfile.ZipFile(source / "some.zip", "w") as archive:
        for file in sorted(tree.rglob("*.dcm"))[:4]:
            archive.write(file, str(file.relative_to(tree)))
        archive.writestr("readme.txt", "plain words, and nothing else")
        archive.writestr("inner.zip", b"PK\x05\x06" + bytes(18))
    with tarfile.open(source / "rest.tar.gz", "w:gz") as archive:
        for file in sorted(tree.rglob("*.dcm"))[4:]:
            archive.add(file, str(file.relative_to(tree)))
    with zipfile.ZipFile(source / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "plain words, and nothing else")
    (source / "cut.zip").write_bytes((source / "some.zip").read_bytes()[:500])
    result = run(tmp_path, source)
    assert result.outcomes == {"archive": 4} and (result.used, result.refused) == (2, 2)
    assert (result.scans, result.patients) == (6, 3)
    folder = tmp_path / "data_manifests" / "c"
    totals = json.loads((folder / "intake.json").read_text())["totals"]
    assert (totals["member_seen"], totals["member_used"], totals["member_refused"]) == (9, 6, 3)
    assert totals["member_outcomes"] == {"archive": 1, "image": 6, "not_dicom": 2}
    refused = pd.read_csv(folder / "refused.csv")
    assert "damaged archive" in set(refused["detail"])
    assert refused["detail"].str.contains("lies inside another archive").sum() == 1
    cohort = Cohort.open(folder)
    direct = run(tmp_path, tree, cohort="direct")
    assert direct.scans == 6
    plain = manifest(tmp_path, "direct").set_index("scan_id")
    for _, row in cohort.manifest.iterrows():
        assert row["pixel_hash"] == plain.loc[row["scan_id"], "pixel_hash"]
        assert cohort.path_of(row["path_key"]).read_bytes()[128:132] == b"DICM"
    assert run(tmp_path, source).scans == 6


def test_dicomdir_as_a_source_and_inside_a_folder(tmp_path: Path):
    disc = tmp_path / "disc"
    write_dicom(disc / "IMAGES" / "IM1", instance="1")
    write_dicom(disc / "IMAGES" / "IM2", instance="2", patient="PAT-2", study="2")
    write_dicom(disc / "OTHER" / "IM3", instance="3")
    write_dicomdir(disc / "DICOMDIR", [["IMAGES", "IM1"], ["images", "im2"], ["..", "evil"], ["GONE"]])
    result = run(tmp_path, disc / "DICOMDIR", cohort="named")
    assert result.outcomes == {"dicomdir": 1, "image": 2} and result.used == 3
    result = run(tmp_path, disc, cohort="all")
    assert result.outcomes == {"dicomdir": 1, "image": 3} and result.used == 4
    alone = tmp_path / "alone"
    write_dicomdir(alone / "DICOMDIR", [["IMAGES", "IM1"]])
    result = run(tmp_path, alone, cohort="alone")
    assert result.outcomes == {"dicomdir": 1} and (result.used, result.refused, result.exit_code) == (0, 1, 2)
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        for file in sorted(disc.rglob("*")):
            archive.write(file, f"cd/{file.relative_to(disc)}")
    result = run(tmp_path, tmp_path / "disc.zip", cohort="zipped")
    assert (result.seen, result.used, result.scans) == (1, 1, 3)
    totals = json.loads((tmp_path / "data_manifests" / "zipped" / "intake.json").read_text())["totals"]
    assert totals["member_used"] == 4


def test_folder_without_dicom_says_what_to_do_and_gives_exit_code_2(tmp_path: Path):
    (tmp_path / "src").mkdir()
    with pytest.raises(InputError, match="sources hold no files"):
        run(tmp_path, tmp_path / "src")
    (tmp_path / "src" / "a.txt").write_text("some words that are no picture")
    result = run(tmp_path, tmp_path / "src")
    assert (result.exit_code, result.used, result.scans) == (2, 0, 0)
    assert "No file could be used. What to do:" in result.summary()
    assert manifest(tmp_path).empty


def test_split_rule_is_set_once(tmp_path: Path):
    source = make_tree(tmp_path / "src")
    run(tmp_path, source, test_share=0.5)
    run(tmp_path, source)
    with pytest.raises(InputError, match="split with test_share=0.5; indexing does not change that"):
        run(tmp_path, source, test_share=0.25)


def test_other_key_second_process_and_own_folder_are_refused(tmp_path: Path, monkeypatch):
    import fcntl

    source = make_tree(tmp_path / "src", 1)
    run(tmp_path, source)
    folder = tmp_path / "data_manifests" / "c"
    with pytest.raises(InputError, match="own folder cannot be its source"):
        run(tmp_path, folder)
    with (folder / "private" / "index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OperationFailed, match="Another process is indexing the cohort 'c'"):
            run(tmp_path, source)
    (tmp_path / "other.key").write_bytes(bytes(32))
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(tmp_path / "other.key"))
    with pytest.raises(InputError, match="made under the site key 630dcd29"):
        run(tmp_path, source)
    (folder / "split.json").unlink()
    with pytest.raises(InputError, match="made under the site key 630dcd29"):
        run(tmp_path, source)


def test_a_site_named_later_is_taken_over_and_a_wider_source_takes_in_the_narrow_one(tmp_path: Path):
    source = make_tree(tmp_path / "src", 3)
    run(tmp_path, source / "p0")
    assert manifest(tmp_path)["site"][0].startswith("site ")
    run(tmp_path, source / "p0", site="north")
    assert set(manifest(tmp_path)["site"]) == {"north"}
    result = run(tmp_path, source)
    assert (result.seen, result.scans) == (6, 6)
    assert run(tmp_path, source / "p1").seen == 6


def test_odd_file_names_are_carried(tmp_path: Path):
    source = tmp_path / "src"
    source.mkdir()
    odd = os.fsencode(source) + b"/\xff\xfe;'\n.dcm"
    write_dicom(source / "x.dcm")
    (source / "x.dcm").rename(os.fsdecode(odd))
    run(tmp_path, source)
    cohort = Cohort.open(tmp_path / "data_manifests" / "c")
    assert os.fsencode(cohort.path_of(cohort.manifest["path_key"][0])) == odd


def test_a_cohort_hashed_in_another_way_is_read_again(tmp_path: Path, monkeypatch):
    source = make_tree(tmp_path / "src", 3)
    with zipfile.ZipFile(source / "more.zip", "w") as archive:
        archive.write(write_dicom(tmp_path / "in.dcm", patient="PAT-8", study="8", instance="800"), "in.dcm")
    with monkeypatch.context() as patch:
        patch.setattr("workbench.cohort.indexing.HASHES_VERSION", 1)
        run(tmp_path, source)
    before = manifest(tmp_path)
    ledger = sqlite3.connect(tmp_path / "data_manifests" / "c" / "private" / "ledger.sqlite")
    ledger.execute("UPDATE scans SET pixel_hash = 'old'")
    ledger.commit()
    ledger.close()
    other = write_dicom(tmp_path / "other" / "new.dcm", patient="PAT-9", study="9", instance="900")
    log = io.StringIO()
    settings = IndexSettings(sources=[other.parent], cohort="c", workers=1)
    result = index(settings, workspace=Workspace(tmp_path), progress=Progress(stream=log))
    assert "7 files are read again" in log.getvalue() and result.scans == 8
    pd.testing.assert_frame_equal(manifest(tmp_path).head(7), before)
