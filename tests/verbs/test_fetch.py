"""``workbench fetch`` as people use it: against Orthanc, and killed in the middle."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.pacs.fake_web import fake_web
from tests.sources.pacs.orthanc import PASSWORD, USER, Orthanc, login, orthanc  # noqa: F401
from tests.sources.pacs.studies import NAMES, compressed, hospital
from workbench import cli
from workbench.cohort.keys import SiteKey
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs.fetch import FetchResult, FetchSettings, fetch

INSTANCES = hospital()
EVERYTHING = INSTANCES + compressed()
COUNT = len(EVERYTHING)


def run(folder: Path, server: str, **more) -> FetchResult:
    settings = FetchSettings(server=server, out=folder / "out", **({"retries": 1, "backoff_s": 0.01} | more))
    return fetch(settings, workspace=Workspace(folder), progress=Progress(quiet=True))


def files(folder: Path) -> dict[str, bytes]:
    """Contents by SOP Instance UID; every file lies where the keyed hashes of its UIDs say."""
    key = SiteKey.load()
    names = {
        f"{key.uid(one.study)}/{key.uid(one.series)}/{key.uid(one.sop)}.dcm": one.sop for one in EVERYTHING + INSTANCES
    }
    root = folder / "out" / "dicom"
    return {names[str(file.relative_to(root))]: file.read_bytes() for file in root.rglob("*.dcm")}


@pytest.fixture
def filled(orthanc: Orthanc, login: None) -> Iterator[Orthanc]:  # noqa: F811
    orthanc.fill([one.content for one in EVERYTHING])
    yield orthanc
    orthanc.empty()


def test_from_orthanc_by_dicomweb_then_what_is_new_then_a_cohort(filled: Orthanc, tmp_path: Path, capsys):
    filled.empty()
    late = [one for one in EVERYTHING if one.sop == "2.25.700.0.3" or one.study == "2.25.731"]
    filled.fill([one.content for one in EVERYTHING if one not in late])
    result = run(tmp_path, filled.web)
    studies = len({one.study for one in EVERYTHING})
    assert (result.studies, result.unchanged, result.received) == (studies - 1, 0, COUNT - len(late))
    assert result.exit_code == 0 and result.outcomes == {"complete": result.series}

    filled.fill([one.content for one in late])
    result = run(tmp_path, filled.web)
    assert (result.unchanged, result.received, result.already) == (studies - 2, len(late), 4)
    assert files(tmp_path) == {one.sop: one.content for one in EVERYTHING}

    result = run(tmp_path, filled.web)
    assert (result.unchanged, result.series, result.received, result.exit_code) == (studies, 0, 0, 0)
    assert result.summary().splitlines()[-1] == f"Next: workbench index {tmp_path / 'out' / 'dicom'} --cohort NAME"

    words = ["index", str(tmp_path / "out" / "dicom"), "--cohort", "chest", "--workspace", str(tmp_path), "--json"]
    assert cli.main(words) == 0
    totals = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert totals["seen"] == COUNT == totals["used"] + totals["refused"]
    assert totals["patients"] >= 4 and set(totals["outcomes"]) <= {"image", "screenshot"}


@pytest.mark.parametrize("retrieve", ["move", "get"])
def test_from_orthanc_by_classic_dicom(filled: Orthanc, tmp_path: Path, retrieve: str):
    choice = {"dates": "20240101-20240102", "patients": tmp_path / "patients.txt", "modality": ["CT"]}
    (tmp_path / "patients.txt").write_text("MRN-77-0\nMRN-77-1\n")
    result = run(tmp_path, filled.classic, retrieve=retrieve, listen=filled.listen, **choice)
    wanted = {one.sop for one in INSTANCES if one.study in ("2.25.700", "2.25.701") and one.modality == "CT"}
    assert set(files(tmp_path)) == wanted and (result.received, result.missing, result.exit_code) == (8, 0, 0)
    assert result.left_out == {"series: another modality": 2}
    result = run(tmp_path, filled.classic, retrieve=retrieve, listen=filled.listen, **choice)
    assert (result.unchanged, result.series) == (2, 0)


def test_a_walk_through_the_steps_says_each_and_leaves_nothing(filled: Orthanc, tmp_path: Path):
    for server in (filled.web, filled.classic):
        result = run(tmp_path, server, test=True, listen=filled.listen)
        assert [(step.name, step.outcome) for step in result.steps] == [
            ("Echo", "ok"),
            ("Find one study", "ok"),
            ("Move one study", "ok"),
        ]
        assert "1 of 1 instances came" in result.steps[2].sentence and result.exit_code == 0
        assert result.summary().endswith("All three steps work. Next: the same without test=true.")
    assert not (tmp_path / "out" / "dicom").exists()
    assert [file.name for file in (tmp_path / "out").rglob("*")] == ["private", "fetch.lock"]


def test_a_walk_that_fails_says_where_and_what_to_do(filled: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    result = run(tmp_path, filled.classic, test=True, listen=filled.listen, ae_title="ELSEWHERE")
    assert [step.outcome for step in result.steps] == ["ok", "ok", "failed"] and result.exit_code == 1
    assert "'ELSEWHERE'" in result.steps[2].sentence or "C-MOVE" in result.steps[2].sentence
    result = run(tmp_path, filled.web, test=True, dates="19500101")
    assert [step.outcome for step in result.steps] == ["ok", "failed", "not tried"]
    assert "finds no study that fits" in result.steps[1].sentence
    result = run(tmp_path, filled.web, test=True, description=["knie"])
    assert "none has a series that fits" in result.steps[1].sentence
    monkeypatch.setenv("WORKBENCH_PACS_PASSWORD", "wrong")
    result = run(tmp_path, filled.web, test=True)
    assert [step.outcome for step in result.steps] == ["failed", "not tried", "not tried"]
    assert "401" in result.steps[0].sentence and "WORKBENCH_PACS_PASSWORD" in result.steps[0].sentence


def test_nothing_says_who_the_patients_are(filled: Orthanc, tmp_path: Path, capsys):
    (tmp_path / "patients.txt").write_text("MRN-77-1\n")
    for server in (filled.web, filled.classic):
        words = ["fetch", server, str(tmp_path / "out"), f"listen={filled.listen}", "--workspace", str(tmp_path)]
        words += [f"patients={tmp_path / 'patients.txt'}"]
        assert cli.main(words) == 0
        said = "".join(capsys.readouterr())
        for word in (*NAMES, "MRN", "Thorax", "ROOM1", PASSWORD):
            assert word not in said
    shown = [str(file.relative_to(tmp_path)) for file in (tmp_path / "out").rglob("*")]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "out" / "private").rglob("*") if file.is_file())
    for word in (*NAMES, "MRN", "Thorax", "visit", "ROOM1", "20240103", USER, PASSWORD):
        assert word.encode() not in kept and not any(word in name for name in shown)
    assert len(files(tmp_path)) == 11


def test_a_killed_fetch_goes_on_and_no_file_was_half(tmp_path: Path, site_key_file: Path):
    with fake_web(INSTANCES, delay_s=0.03) as server:
        words = [sys.executable, "-m", "workbench.cli", "fetch", server.web, str(tmp_path / "out"), "connections=2"]
        environment = os.environ | {"WORKBENCH_SITE_KEY_FILE": str(site_key_file)}
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "out" / "dicom").rglob("*.dcm"))) < 10 and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0].decode()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = files(tmp_path)
        assert 10 <= len(before) < len(INSTANCES)
        whole = {one.sop: one.content for one in INSTANCES}
        assert all(content == whole[sop] for sop, content in before.items())
        server.habits.delay_s = 0
        result = run(tmp_path, server.web)
    assert (result.received, result.missing, result.exit_code) == (len(whole) - len(before), 0, 0)
    assert files(tmp_path) == whole and list((tmp_path / "out" / "private" / "incoming").iterdir()) == []


def test_what_does_not_come_is_told_and_the_exit_code_is_1(tmp_path: Path):
    with fake_web(INSTANCES, gone=("2.25.700.0.1",)) as server:
        result = run(tmp_path, server.web)
    assert (result.missing, result.outcomes, result.exit_code) == (1, {"complete": 15, "short": 1}, 1)
    assert f"see {tmp_path / 'out' / 'private' / 'outcomes.csv'}" in result.summary()
    listed = (tmp_path / "out" / "private" / "missing.csv").read_text().splitlines()
    assert listed == ["study_uid,series_uid,sop_uid", "2.25.700,2.25.700.0,2.25.700.0.1"]


def test_counting_only(tmp_path: Path):
    with fake_web(INSTANCES) as server:
        result = run(tmp_path, server.web, count_only=True)
    assert (result.asked, result.missing, result.received, result.exit_code) == (44, 44, 0, 0)
    assert result.outcomes == {"counted": 16} and "44 would come" in result.summary()


def test_an_error_leaves_the_lists(tmp_path: Path):
    with fake_web(INSTANCES, status=401) as server, pytest.raises(OperationFailed, match="401"):
        run(tmp_path, server.web)
    assert (tmp_path / "out" / "private" / "outcomes.csv").read_text().startswith("study_uid,")


def test_plain_addresses_and_credentials_in_them_are_refused(tmp_path: Path, capsys):
    with pytest.raises(InputError, match="not encrypted"):
        run(tmp_path, "http://pacs.hospital.org/dicom-web")
    with pytest.raises(InputError, match="not encrypted"):
        run(tmp_path, "dicom://PACS@10.1.2.3:104")
    assert cli.main(["fetch", "https://reader:Geheim1@pacs/dicom-web", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "Geheim1" not in said.out + said.err and "credentials never go into settings" in said.err
    assert not (tmp_path / "out" / "dicom").exists()


def test_lists_are_given_as_words_with_commas():
    settings = FetchSettings(server="https://pacs/x", out=Path("x"), modality="CT, MR", description="lung")  # type: ignore[arg-type]
    assert (settings.modality, settings.description, settings.station) == (["CT", "MR"], ["lung"], [])


def test_one_fetch_at_a_time_in_a_folder(tmp_path: Path):
    import fcntl

    with fake_web(INSTANCES) as server:
        run(tmp_path, server.web, count_only=True)
        with (tmp_path / "out" / "private" / "fetch.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            with pytest.raises(OperationFailed, match="Another fetch works on this folder"):
                run(tmp_path, server.web)


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OperationFailed, match="cannot be made"):
        run(tmp_path, "https://127.0.0.1:9/x")


def test_the_commands_of_the_how_to_page_run(filled: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "pacs.md").read_text("utf-8")
    commands = [line for line in page.splitlines() if line.startswith("workbench ")]
    assert len(commands) >= 7
    monkeypatch.chdir(tmp_path)
    said = []
    for line in commands:
        line = line.replace("https://pacs.hospital.org/dicom-web", filled.web)
        line = line.replace("dicoms://PACS@pacs.hospital.org:2762", filled.classic)
        line = line.replace("10.0.0.5:11112", filled.listen)
        code = cli.main([*shlex.split(line)[1:], "--quiet"])
        out, err = capsys.readouterr()
        assert code == 0, f"{line}\n{out}\n{err}"
        said.append(out)
    assert "All three steps work." in said[0] and "32 would come." in said[1] and "32 received" in said[2]
