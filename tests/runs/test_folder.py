import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pydantic import Field

from workbench.config import Settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder, settings_digest
from workbench.runs.status import RunStatus
from workbench.runs.workspace import Workspace


class Small(Settings):
    size: int = Field(default=3, description="pixels")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(Workspace(tmp_path), "pretrain", Small(size=7), "first", quiet=True)


def test_settings_and_state_lie_in_the_folder(run: RunFolder, tmp_path: Path) -> None:
    assert run.path == tmp_path / "runs" / "pretrain" / "first"
    assert (run.path / "settings.yaml").read_text() == "size: 7\n"
    assert (run.kind, run.run_id, run.status().state) == ("pretrain", "first", "queued")
    assert settings_digest(run.path) == Small(size=7).digest()


def test_a_taken_name_gets_a_number(run: RunFolder, tmp_path: Path) -> None:
    again = RunFolder.create(Workspace(tmp_path), "pretrain", Small(), "first", quiet=True)
    assert again.run_id == "first-2"


def test_a_run_goes_from_running_to_finished(run: RunFolder) -> None:
    with run:
        assert run.status().state == "running"
        run.progress(5, 10, "scans", loss=0.25)
        run.log("Half done.")
        status = run.status()
        assert (status.step, status.total, status.unit, status.numbers) == (5, 10, "scans", {"loss": 0.25})
        assert status.pid == os.getpid()
    status = RunFolder.open(run.path).status()
    assert status.state == "finished"
    assert status.message == "Finished after 0 s."
    assert status.ended is not None
    assert "Half done." in (run.path / "log.txt").read_text()


def test_a_run_says_what_it_ended_with(run: RunFolder) -> None:
    with run:
        run.conclude("AUC 0.91.")
        run.log("Half done.")
        assert run.status().message != "AUC 0.91."
    assert (run.status().state, run.status().message) == ("finished", "AUC 0.91.")
    with run:
        run.log("Going on.")
    assert run.status().message == "Finished after 0 s.", "what it ended with before is over"
    with pytest.raises(ValueError, match="bad"), run:
        run.conclude("AUC 0.91.")
        raise ValueError("bad")
    assert run.status().message == "ValueError: bad"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OperationFailed("Disk full.", todo="Free 3 GB."), "Disk full. What to do: Free 3 GB."),
        (ValueError("bad"), "ValueError: bad"),
    ],
)
def test_a_failed_run_says_why(run: RunFolder, error: Exception, message: str) -> None:
    with pytest.raises(type(error)), run:
        raise error
    assert run.status().state == "failed"
    assert run.status().message == message
    assert message in (run.path / "log.txt").read_text()


def test_a_stop_request_is_seen_and_the_run_ends_as_stopped(run: RunFolder) -> None:
    with run:
        assert not run.stop_requested()
        RunFolder.open(run.path).request_stop()
        assert run.stop_requested()
    assert (run.status().state, run.status().message) == (
        "stopped",
        "Stopped on request after 0 s; what was saved is kept.",
    )
    with run:
        assert not run.stop_requested(), "an old request does not stop the continued run"


def test_a_stop_before_the_start_stops_the_run(run: RunFolder) -> None:
    run.request_stop()
    with run:
        assert run.stop_requested()
    assert run.status().state == "stopped"
    assert not (run.path / "stop").exists()


def test_a_stop_meant_for_a_process_that_was_killed_is_over(run: RunFolder) -> None:
    run.request_stop()
    before = psutil.Process().create_time() - 5
    os.utime(run.path / "stop", (before, before))
    with run:
        assert not run.stop_requested()
    assert run.status().state == "finished"


def test_a_run_at_work_is_not_begun_twice(run: RunFolder) -> None:
    run.refuse_running()
    with run, pytest.raises(InputError, match="The run 'first' is running.*Stop it first"):
        RunFolder.open(run.path).refuse_running()
    run.refuse_running()


def test_events_are_lines_and_a_cut_line_is_left_out(run: RunFolder) -> None:
    run.event(epoch=1, loss=0.5)
    run.event(epoch=2, loss=0.25)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lo')
    assert [(event["epoch"], event["loss"]) for event in run.events()] == [(1, 0.5), (2, 0.25)]


SCRIPT = """
import sys, time
from workbench.config import Settings
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
with RunFolder.create(Workspace(sys.argv[1]), "pretrain", Settings(), "child") as run:
    print("ready", flush=True)
    while not run.stop_requested():
        time.sleep(0.02)
"""


def start_child(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_sigterm_asks_for_a_stop(tmp_path: Path) -> None:
    child = start_child(tmp_path)
    child.terminate()
    assert child.wait(10) == 0
    assert RunStatus.read(tmp_path / "runs/pretrain/child").state == "stopped"


def test_a_second_sigterm_breaks_off_and_is_a_stop(tmp_path: Path) -> None:
    script = SCRIPT.replace("while not run.stop_requested():", "while True:")
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    child.terminate()
    time.sleep(0.3)
    child.terminate()
    assert child.wait(10) == 143
    status = RunStatus.read(tmp_path / "runs/pretrain/child")
    assert (status.state, status.message) == ("stopped", "Broken off by a second signal to stop.")


def test_a_killed_run_is_lost_once_its_heartbeat_is_old(tmp_path: Path) -> None:
    child = start_child(tmp_path)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    folder = tmp_path / "runs/pretrain/child"
    assert RunStatus.read(folder).state == "running", "a moment ago it still lived"
    content = json.loads((folder / "status.json").read_text())
    content["heartbeat"] = time.time() - 30
    (folder / "status.json").write_text(json.dumps(content))
    status = RunStatus.read(folder)
    assert status.state == "lost"
    assert "Resume" in status.message


def test_a_living_process_is_not_lost_for_a_late_heartbeat(run: RunFolder) -> None:
    with run:
        content = json.loads((run.path / "status.json").read_text())
        content["heartbeat"] = time.time() - 30
        (run.path / "status.json").write_text(json.dumps(content))
        assert RunStatus.read(run.path).state == "running"
        content["heartbeat"] = time.time() - 100
        (run.path / "status.json").write_text(json.dumps(content))
        assert RunStatus.read(run.path).state == "lost"


def test_finding_a_run(run: RunFolder, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.find_run("first") == run.path
    assert workspace.find_run(run.path) == run.path
    assert workspace.find_run("runs/pretrain/first") == run.path
    with pytest.raises(InputError, match="no study run 'first'"):
        workspace.find_run("first", "study")
    RunFolder.create(workspace, "study", Small(), "first", quiet=True)
    with pytest.raises(InputError, match="several kinds"):
        workspace.find_run("first")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_that_could_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        Workspace(tmp_path).cohort_dir(name)
