from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.fabricated import index_scans, make_scans
from workbench.config import load_settings
from workbench.errors import InputError, WorkbenchError
from workbench.runs.jobs import JobQueue
from workbench.runs.status import RunStatus
from workbench.runs.worker import worker_alive
from workbench.runs.workspace import Workspace
from workbench.verbs.worker import WorkerSettings, command_of, perform, worker


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    return JobQueue(Workspace(tmp_path))


def test_a_verb_without_a_run_folder_gets_one(queue: JobQueue) -> None:
    scans = make_scans(queue.workspace.root / "scans", patients=4)
    job = queue.submit("index", {"sources": [str(scans)], "cohort": "chest", "workers": 1}, nonce="1")
    result = worker(WorkerSettings(job=job.id), workspace=queue.workspace)
    assert (result.state, result.exit_code) == ("finished", 0)
    status = RunStatus.read(queue.folder(job))
    assert (status.state, status.step, status.total) == ("finished", status.total, status.step)
    content = json.loads((queue.folder(job) / "job_result.json").read_text())
    assert (content["result"]["used"], content["result"]["seen"]) == (6, 8)
    assert "8 files" in content["summary"]
    assert queue.workspace.cohorts() == ["chest"]


def test_an_index_that_finds_nothing_has_failed(queue: JobQueue) -> None:
    (queue.workspace.root / "scans").mkdir(parents=True)
    (queue.workspace.root / "scans" / "a.txt").write_text("no scan")
    settings = {"sources": [str(queue.workspace.root / "scans")], "cohort": "none", "workers": 1}
    job = queue.submit("index", settings, nonce="1")
    assert perform(job, queue.workspace).exit_code == 1
    status = RunStatus.read(queue.folder(job))
    assert status.state == "failed" and "No file could be used" in status.message


def test_wrong_settings_fail_the_job_in_words(queue: JobQueue) -> None:
    for settings in ({"cohort": "x", "sauces": ["/a"]}, {"cohort": "x", "sources": ["/nowhere"], "name": "r"}):
        job = queue.submit("index", settings, nonce="1")
        with pytest.raises(InputError):
            perform(job, queue.workspace)
        status = RunStatus.read(queue.folder(job))
        assert status.state == "failed" and "Unknown setting" in status.message
        assert "Unknown setting" in (queue.folder(job) / "log.txt").read_text()


def test_a_failure_inside_the_run_keeps_the_runs_own_words(queue: JobQueue) -> None:
    job = queue.submit("prepare", {"cohort": "absent"}, nonce="1")
    with pytest.raises(WorkbenchError):
        perform(job, queue.workspace)
    status = RunStatus.read(queue.folder(job))
    assert status.state == "failed" and "no cohort 'absent'" in status.message


def test_an_unknown_verb_or_job_is_told(queue: JobQueue) -> None:
    with pytest.raises(InputError, match="no job 'x'"):
        worker(WorkerSettings(job="x"), workspace=queue.workspace)
    job = queue.submit("dance", {}, nonce="1")
    with pytest.raises(KeyError):
        perform(job, queue.workspace)
    assert "fault of its own" in RunStatus.read(queue.folder(job)).message


def test_an_uploaded_table_is_removed_once_it_was_joined(queue: JobQueue) -> None:
    workspace = queue.workspace
    index_scans(workspace, patients=20, labelled=False)
    uploads = workspace.cohort_dir("chest") / "private" / "uploads"
    uploads.mkdir()
    table, kept = uploads / "abc.csv", workspace.root / "scans" / "labels.csv"
    table.write_bytes(kept.read_bytes())
    for file in (table, kept):
        settings = {"cohort": "chest", "labels": str(file), "key": "patient", "column": "label"}
        assert perform(queue.submit("label", settings, nonce=file.name), workspace).state == "finished"
    assert not table.exists() and kept.exists()


def test_the_worker_does_jobs_until_it_is_ended(queue: JobQueue) -> None:
    workspace = queue.workspace
    scans = make_scans(workspace.root / "scans", patients=3)
    job = queue.submit("index", {"sources": [str(scans)], "cohort": "chest", "workers": 1}, nonce="1")
    words = [sys.executable, "-m", "workbench.cli", "worker", "poll_s=0.1", "--workspace", str(workspace.root)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        end = time.monotonic() + 40
        while not queue.state(queue.get(job.id)).ended and time.monotonic() < end:
            time.sleep(0.1)
        assert queue.state(queue.get(job.id)).state == "finished"
        assert worker_alive(workspace)
    finally:
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "The worker has stopped" in out
    assert f"Waiting for jobs in {workspace.root}" in errors
    assert not worker_alive(workspace)


def test_the_command_of_a_job_names_it_and_the_workspace(queue: JobQueue) -> None:
    job = queue.submit("index", {"cohort": "a"}, nonce="1")
    assert command_of(job, queue.workspace)[1:] == [
        "-m", "workbench.cli", "worker", f"job={job.id}", "--workspace", str(queue.workspace.root),
    ]  # fmt: skip


def test_settings_refuse_nonsense() -> None:
    with pytest.raises(InputError, match="poll_s"):
        load_settings(WorkerSettings, overrides=["poll_s=0"])


def test_a_stopped_verb_without_a_run_of_its_own_ends_as_stopped(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.verbs import VERBS, index

    def interrupted(settings, *, workspace, progress) -> None:
        progress.request_stop()
        raise SystemExit(143)

    monkeypatch.setattr(index, "index", interrupted)
    assert VERBS["index"].load()[1] is interrupted
    job = queue.submit("index", {"cohort": "a", "sources": ["/a"]}, nonce="1")
    result = perform(job, queue.workspace)
    assert (result.state, result.summary(), result.exit_code) == ("stopped", "Stopped on request.", 0)
    assert RunStatus.read(queue.folder(job)).state == "stopped"

    def ended(settings, *, workspace, progress) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(index, "index", ended)
    job = queue.submit("index", {"cohort": "a", "sources": ["/a"]}, nonce="2")
    with pytest.raises(SystemExit):
        perform(job, queue.workspace)
    assert RunStatus.read(queue.folder(job)).state == "failed"


def test_the_worker_ends_at_sigterm_and_gives_the_signal_back(queue: JobQueue) -> None:
    import threading

    from workbench.runs.progress import Progress

    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    result = worker(WorkerSettings(poll_s=0.05), workspace=queue.workspace, progress=Progress(quiet=True))
    assert "The worker has stopped" in result.summary()
    assert signal.getsignal(signal.SIGTERM) is before
