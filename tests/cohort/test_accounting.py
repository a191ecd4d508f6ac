from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pandas as pd

from tests.cohort.making import pixels, write_dicom, write_dicomdir
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexResult, IndexSettings, index


def indexed(tmp_path: Path, *sources: Path) -> tuple[IndexResult, pd.DataFrame]:
    workspace = Workspace(tmp_path / "ws")
    result = index(IndexSettings(sources=list(sources), cohort="c", workers=1), workspace=workspace)
    return result, pd.read_csv(workspace.cohort_dir("c") / "refused.csv").fillna("")


def test_a_disc_index_counts_as_used_when_the_files_it_names_were_read(tmp_path: Path):
    write_dicom(tmp_path / "a" / "IM1", instance="1")
    write_dicomdir(tmp_path / "a" / "DICOMDIR", [["IM1"]])
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # the same disc once more
    write_dicomdir(tmp_path / "c" / "DICOMDIR", [["GONE"]])
    write_dicomdir(tmp_path / "d" / "DICOMDIR", [["NOTE"]])
    (tmp_path / "d" / "NOTE").write_text("no DICOM", encoding="utf-8")
    result, refused = indexed(tmp_path, *(tmp_path / name for name in "abcd"))
    assert result.outcomes == {"dicomdir": 4, "image": 1, "duplicate": 1, "not_dicom": 1}
    assert (result.seen, result.used, result.refused) == (7, 3, 4)
    assert sorted(refused["outcome"]) == ["dicomdir", "dicomdir", "duplicate", "not_dicom"]


def test_an_archive_counts_once_and_its_members_apart(tmp_path: Path):
    file = write_dicom(tmp_path / "file.dcm", instance="1", values=pixels(1))
    source = tmp_path / "in"
    source.mkdir()
    with zipfile.ZipFile(source / "some.zip", "w") as archive:
        archive.write(file, "a/1.dcm")
        archive.writestr("note.txt", "no DICOM")
    with zipfile.ZipFile(source / "none.zip", "w") as archive:
        archive.writestr("note.txt", "no DICOM")
    (source / "broken.zip").write_bytes(b"PK\x03\x04 and nothing else")
    result, refused = indexed(tmp_path, source)
    assert result.outcomes == {"archive": 3}
    assert (result.seen, result.used, result.refused, result.scans) == (3, 1, 2, 1)
    assert sorted(refused["outcome"]) == ["archive", "archive", "not_dicom", "not_dicom"]
    page = (tmp_path / "ws" / "data_manifests" / "c" / "intake.html").read_text(encoding="utf-8")
    assert "3 files seen = 1 used + 2 refused." in page
    assert "Inside archives: 3 files = 1 used + 2 refused." in page
