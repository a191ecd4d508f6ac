from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cohort.making import write_dicom
from tests.verbs.indexing import make_tree, manifest, run
from workbench.cohort.cohort import Cohort
from workbench.errors import OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index


def test_a_killed_index_goes_on_and_ends_with_the_same_manifest(tmp_path: Path, site_key_file):
    source = make_tree(tmp_path / "src", 150)
    run(tmp_path / "whole", source)
    expected = (tmp_path / "whole" / "data_manifests" / "c" / "manifest.parquet").read_bytes()
    code = (
        "import sys, time; from pathlib import Path\n"
        "from workbench.cohort import indexing, pending\n"
        "from workbench.runs.workspace import Workspace; from workbench.verbs.index import *\n"
        "pending.CHUNK_FILES = 10\n"
        "if __name__ == '__main__':\n"
        "    write = indexing.Ledger.write\n"
        "    indexing.Ledger.write = lambda *a: (write(*a), print('wrote', flush=True), time.sleep(0.2))\n"
        f"    asked = IndexSettings(sources=[Path({str(source)!r})], cohort='c', workers=1)\n"
        f"    index(asked, workspace=Workspace({str(tmp_path)!r}))\n"
    )
    (tmp_path / "child.py").write_text(code)
    child = subprocess.Popen([sys.executable, tmp_path / "child.py"], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    for _ in range(3):
        assert child.stdout.readline() == b"wrote\n"
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    folder = tmp_path / "data_manifests" / "c"
    assert not (folder / "manifest.parquet").exists()
    log = io.StringIO()
    settings = IndexSettings(sources=[source], cohort="c", workers=1)
    result = index(settings, workspace=Workspace(tmp_path), progress=Progress(stream=log))
    assert result.scans == 300
    left = int(log.getvalue().split(" to be read")[0].split("files found, ")[1])
    assert 200 <= left <= 270
    assert (folder / "manifest.parquet").read_bytes() == expected


def test_a_file_that_kills_its_reader_costs_itself_only(tmp_path: Path, monkeypatch):
    source = make_tree(tmp_path / "src", 4)
    deadly = tmp_path / "sitecustomize.py"
    deadly.write_text(
        "import os, sys, time\n"
        "def hook(name, arguments):\n"
        "    if name != 'open': return\n"
        "    file = str(arguments[0])\n"
        "    if file.endswith('p1/1.dcm'): os._exit(9)\n"
        "    if file.endswith('p2/0.dcm'): time.sleep(60)\n"
        "    if file.endswith('p2/1.dcm'): raise PermissionError(13, 'Permission denied')\n"
        "    if file.endswith('p3/0.dcm'): raise KeyError('PAT-3')\n"
        "    if file.endswith('p3/1.dcm'): raise MemoryError\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    result = run(tmp_path, source, slow_s=1.5)
    assert result.outcomes == {"crashed": 2, "image": 3, "too_big": 1, "too_slow": 1, "unreadable": 1}
    refused = pd.read_csv(tmp_path / "data_manifests" / "c" / "refused.csv")
    assert refused["detail"].tolist() == [
        "the process that read it died or hung",
        "limit 2 s",
        "Permission denied",
        "KeyError",
        "needs more memory than allowed",
    ]


def test_real_files_all_get_an_outcome(tmp_path: Path, shared_data: Path):
    started = time.monotonic()
    folders = [shared_data / name for name in ("pydicom-data", "dcm-qa-ts", "pacsman-mr")]
    result = run(tmp_path, *folders, workers=2)
    assert result.seen == sum(file.is_file() for folder in folders for file in folder.rglob("*")) == 234
    assert "crashed" not in result.outcomes and result.scans >= 150
    table = manifest(tmp_path)
    assert table["scan_id"].is_unique and table["pixel_hash"].str.fullmatch("[0-9a-f]{32}").all()
    assert time.monotonic() - started < 60


def test_mutated_files_end_with_one_outcome_each(tmp_path: Path):
    random = np.random.default_rng(7)
    source = tmp_path / "src"
    whole = write_dicom(source / "whole.dcm", patient="PAT-0").read_bytes()
    for number in range(300):
        content = bytearray(whole)
        for _ in range(int(random.integers(1, 6))):
            place = int(random.integers(0, len(content)))
            kind = int(random.integers(0, 4))
            if kind == 0:
                content[place] = int(random.integers(0, 256))
            elif kind == 1:
                del content[place:]
            elif kind == 2:
                content[place : place + 4] = b"\xff\xff\xff\xff"
            else:
                content[place:place] = bytes(content[132 : 132 + int(random.integers(1, 64))])
            content = content or bytearray(b"x")
        (source / f"{number}.dcm").write_bytes(content)
    result = run(tmp_path, source, workers=2, slow_s=20)
    assert result.seen == 301 and result.used >= 1
    assert result.outcomes.get("too_slow", 0) == 0


def test_identical_radiographs_are_found_and_stay_on_one_side(tmp_path: Path, shared_data: Path):
    from PIL import Image

    folder = shared_data / "kermany-cxr"
    table = pd.read_csv(folder / "index.csv", dtype=str)
    repeated = table[table["md5"].duplicated(keep=False)]
    others = table[~table["md5"].duplicated(keep=False)].iloc[::40]
    assert repeated["md5"].nunique() == 30
    for number, row in enumerate(pd.concat([repeated, others]).itertuples()):
        picture = np.asarray(Image.open(folder / "images" / row.split / row.cls / row.file).convert("L"))
        write_dicom(
            tmp_path / "src" / f"{number}.dcm", patient=row.pid, study=str(number), instance=str(number),
            values=picture.astype(np.uint16),
        )  # fmt: skip
    result = run(tmp_path, tmp_path / "src", workers=2, test_share=0.5)
    cohort = Cohort.open(tmp_path / "data_manifests" / "c")
    found = cohort.manifest
    again = found[found["flags"].str.contains("identical_pixels")]
    assert result.scans == len(repeated) + len(others)
    assert (again["pixel_hash"].nunique(), len(again)) == (30, len(repeated))
    assert found.groupby("pixel_hash")["group"].nunique().max() == 1
    side = pd.Series(cohort.split().is_test(found["scan_id"].to_numpy()), index=found.index)
    assert side.groupby(found["patient_key"]).nunique().max() == side.groupby(found["pixel_hash"]).nunique().max() == 1
    assert len(cohort.pool()) == found.loc[~side, "pixel_hash"].nunique()
    assert again.groupby("pixel_hash")["patient_key"].nunique().value_counts().to_dict() == {1: 29, 2: 1}


def test_full_disk_and_damaged_ledger_are_said_in_words_and_lose_nothing(tmp_path: Path, monkeypatch):
    source = make_tree(tmp_path / "src", 4)
    with monkeypatch.context() as patch:
        patch.setattr(
            "workbench.cohort.manifest.write_manifest",
            lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        with pytest.raises(
            OperationFailed, match=r"cannot be written \(No space left on device\).*what was read is kept"
        ):
            run(tmp_path, source)
        patch.setattr(
            "workbench.cohort.indexing.Ledger.write",
            lambda *a: (_ for _ in ()).throw(sqlite3.OperationalError("database or disk is full")),
        )
        write_dicom(source / "new.dcm", patient="PAT-7", study="70", instance="70")
        with pytest.raises(OperationFailed, match=r"cannot be written \(database or disk is full\)"):
            run(tmp_path, source)
    assert run(tmp_path, source).scans == 9
    split = Cohort.open(tmp_path / "data_manifests" / "c").split().digest
    ledger = tmp_path / "data_manifests" / "c" / "private" / "ledger.sqlite"
    for file in ledger.parent.glob("ledger.sqlite*"):
        file.unlink()
    ledger.write_bytes(b"no ledger at all " * 500)
    with pytest.raises(OperationFailed, match="ledger is damaged.*the split and the labels stay"):
        run(tmp_path, source)
    ledger.unlink()
    assert run(tmp_path, source).scans == 9
    assert Cohort.open(tmp_path / "data_manifests" / "c").split().digest == split
