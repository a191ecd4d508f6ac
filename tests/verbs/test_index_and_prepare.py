"""``workbench index ... prepare=SIZE``: one decoding for both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.cohort.making import pixels, write_dicom
from tests.verbs.indexing import make_tree, run
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.store import Store, building
from workbench.verbs.index import IndexSettings, index
from workbench.verbs.prepare import PrepareResult, PrepareSettings, prepare


def prepared(workspace: Path, size: int = 16) -> PrepareResult:
    return prepare(PrepareSettings(cohort="c", size=size, workers=1), workspace=Workspace(workspace))


def mixed_tree(root: Path) -> Path:
    """Files, frames, an archive, a blank picture, a refused file."""
    make_tree(root, 5)
    write_dicom(root / "cine.dcm", patient="PAT-9", study="9", instance="900", values=np.stack([pixels(1), pixels(2)]))
    write_dicom(root / "blank.dcm", patient="PAT-9", study="9", instance="901", values=np.zeros((9, 9), np.uint16))
    write_dicom(root / "bad.dcm", patient="PAT-9", study="9", instance="902", Rows=0)
    inside = write_dicom(root.parent / "in.dcm", patient="PAT-8", study="8", instance="800")
    with zipfile.ZipFile(root / "more.zip", "w") as archive:
        archive.write(inside, "in.dcm")
    return root


def content(store: str) -> dict[str, bytes]:
    opened = Store.open(store)
    return {scan: opened.read([row])[0].tobytes() for row, scan in enumerate(opened.index["scan_id"])}


def test_one_decoding_gives_what_two_commands_give(tmp_path: Path, monkeypatch):
    source = mixed_tree(tmp_path / "src")
    run(tmp_path / "two", source)
    two = prepared(tmp_path / "two")
    monkeypatch.setattr(building, "write_shard", None)  # a later decoding would need it
    result = run(tmp_path / "one", source, prepare=16)
    one = result.store
    assert one is not None and (one.scans, one.decoded, one.left_out, one.refused) == (13, 13, 1, 0)
    assert one.digest == two.digest and content(one.store) == content(two.store)
    manifests = [tmp_path / name / "data_manifests" / "c" / "manifest.parquet" for name in ("one", "two")]
    assert manifests[0].read_bytes() == manifests[1].read_bytes()
    assert "13 scans decoded in" in result.summary() and f"Store: {one.store}" in result.summary()
    assert "or workbench prepare" not in result.summary()
    later = prepared(tmp_path / "one")
    assert (later.store, later.digest, later.decoded) == (one.store, one.digest, 0)
    assert later.summary().startswith("Nothing was missing.")


def test_json_names_the_store_only_where_one_was_asked_for(tmp_path: Path):
    source = make_tree(tmp_path / "src", 2)
    assert "store" not in json.loads(run(tmp_path, source).model_dump_json())
    result = run(tmp_path, source, prepare=16)  # nothing to read, but a store to make
    assert json.loads(result.model_dump_json())["store"]["scans"] == 4
    assert not list((tmp_path / "stores").glob("*/journal/*"))


def test_a_grown_cohort_grows_its_store(tmp_path: Path, monkeypatch):
    source = make_tree(tmp_path / "src", 3)
    run(tmp_path, source, prepare=16)
    write_dicom(source / "new.dcm", patient="PAT-7", study="70", instance="70")
    monkeypatch.setattr(building, "write_shard", None)
    grown = run(tmp_path, source, prepare=16).store
    assert grown is not None and (grown.scans, grown.decoded, grown.shards) == (7, 1, 4)
    whole = run(tmp_path / "whole", source, prepare=16).store
    assert whole is not None and whole.digest == grown.digest


def test_nothing_usable_makes_no_store_and_a_wrong_source_no_folder(tmp_path: Path):
    (tmp_path / "src").mkdir()
    with pytest.raises(InputError, match="hold no files"):
        run(tmp_path, tmp_path / "src", prepare=16)
    assert not (tmp_path / "stores").exists()
    (tmp_path / "src" / "a.txt").write_text("words")
    result = run(tmp_path, tmp_path / "src", prepare=16)
    assert (result.exit_code, result.store) == (2, None)


def test_a_size_too_small_is_told():
    with pytest.raises(InputError, match="prepare"):
        load_settings(IndexSettings, values={"sources": ["x"], "cohort": "c", "prepare": 4})


@pytest.mark.parametrize("after", ["a chunk was noted", "a shard was written"])
def test_killed_and_resumed_it_ends_with_the_same_manifest_and_store(tmp_path: Path, site_key_file, after):
    source = make_tree(tmp_path / "src", 40)
    expected = run(tmp_path / "whole", source, prepare=16).store
    assert expected is not None
    (tmp_path / "child.py").write_text(
        "import os, sys, time; from pathlib import Path\n"
        "from workbench.cohort import pending, reading; from workbench.store import sink\n"
        "from workbench.runs.workspace import Workspace; from workbench.verbs.index import *\n"
        "pending.CHUNK_FILES = 10\n"
        "noted = sys.argv[1] == 'a chunk was noted'\n"
        "def slow(function):\n"
        "    return lambda *rest: (function(*rest), print('now', flush=True), time.sleep(0.3))\n"
        "if noted: pending.Ledger.write = slow(pending.Ledger.write)\n"
        "else: sink.SinkPart.close = slow(sink.SinkPart.close)\n"
        "if __name__ == '__main__':\n"
        f"    asked = IndexSettings(sources=[Path({str(source)!r})], cohort='c', workers=1, prepare=16)\n"
        f"    index(asked, workspace=Workspace({str(tmp_path)!r}))\n"
    )
    words = [sys.executable, str(tmp_path / "child.py"), after]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    for _ in range(3):
        assert child.stdout.readline() == b"now\n"
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    folder, store = tmp_path / "data_manifests" / "c", tmp_path / "stores" / Path(expected.store).name
    assert not (folder / "manifest.parquet").exists() and 2 <= len(list((store / "journal").glob("*.json"))) < 8
    settings = IndexSettings(sources=[source], cohort="c", workers=1, prepare=16)
    resumed = index(settings, workspace=Workspace(tmp_path)).store
    assert resumed is not None and (resumed.scans, resumed.refused) == (80, 0)
    assert (folder / "manifest.parquet").read_bytes() == (
        tmp_path / "whole" / "data_manifests" / "c" / "manifest.parquet"
    ).read_bytes()
    assert resumed.digest == expected.digest and content(resumed.store) == content(expected.store)
    assert not list((store / "journal").iterdir()) and not list(store.glob("**/*.tmp"))
