from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import OperationFailed
from workbench.runs.jobs import Job, JobQueue
from workbench.runs.status import process_alive
from workbench.runs.worker import Worker, worker_alive, worker_lock
from workbench.runs.workspace import Workspace

RUN = """
import sys, time
from pathlib import Path
from workbench.config import Settings
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
root, kind, name, heeds, seconds = sys.argv[1:]
run = RunFolder.create(Workspace(root), kind, Settings(), name)
with run:
    for step in range(int(10 * float(seconds))):
        run.progress(step, int(10 * float(seconds)), "steps")
        if heeds == "heeds" and run.stop_requested():
            break
        time.sleep(0.1)
"""


def command(heeds: str = "heeds", seconds: float = 0.2) -> Callable[[Job], list[str]]:
    def words(job: Job) -> list[str]:
        root = os.environ["TEST_ROOT"]
        return [sys.executable, "-c", RUN, root, job.run_kind, job.run_id, heeds, str(seconds)]

    return words


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("TEST_ROOT", str(tmp_path))
    return Workspace(tmp_path)


def until(condition: Callable[[], bool], worker: Worker | None = None, limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it took too long"
        if worker:
            worker.tick()
        time.sleep(0.05)


def test_jobs_are_done_one_after_the_other(workspace: Workspace) -> None:
    queue, said = JobQueue(workspace), []
    jobs = [queue.submit("pretrain", {"name": name}, nonce=name) for name in "ab"]
    worker = Worker(workspace, command(), say=said.append)
    worker.tick()
    assert [queue.state(queue.get(job.id)).state for job in jobs] == ["starting", "queued"]
    until(lambda: all(queue.state(queue.get(job.id)).ended for job in jobs), worker)
    worker.tick()
    assert [queue.state(queue.get(job.id)).state for job in jobs] == ["finished", "finished"]
    first, second = (queue.get(job.id) for job in jobs)
    assert first.released is not None and second.claimed is not None and second.claimed >= first.released
    assert [line.split(":")[0] for line in said] == ["pretrain a", "pretrain a", "pretrain b", "pretrain b"]
    assert queue.claimed() == []


def test_a_job_outlives_its_worker_and_keeps_the_slot(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    long, waiting = (queue.submit("pretrain", {"name": name}, nonce=name) for name in "ab")
    Worker(workspace, command(seconds=30), say=lambda _: None).tick()
    until(lambda: queue.state(queue.get(long.id)).state == "running")
    successor = Worker(workspace, command(), say=lambda _: None)
    successor.tick()
    assert queue.state(queue.get(long.id)).state == "running"
    assert queue.state(queue.get(waiting.id)).state == "queued"
    queue.request_stop(long.id)
    until(lambda: queue.state(queue.get(long.id)).state == "stopped", successor)
    until(lambda: queue.state(queue.get(waiting.id)).state == "finished", successor)


def test_a_killed_job_is_lost_and_frees_the_slot(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.submit("pretrain", {"name": "a"}, nonce="a")
    worker = Worker(workspace, command(seconds=30), say=lambda _: None)
    worker.tick()
    until(lambda: queue.state(queue.get(job.id)).state == "running")
    pid = queue.get(job.id).pid
    assert pid is not None and os.getsid(pid) == pid, "a job has a session of its own"
    os.killpg(pid, signal.SIGKILL)
    until(lambda: queue.state(queue.get(job.id)).state == "lost", worker)
    until(lambda: queue.claimed() == [], worker)


def test_one_that_does_not_heed_is_killed_in_the_end(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.submit("pretrain", {"name": "a"}, nonce="a")
    limits = {"term_after_s": 0.1, "term_again_s": 0.2, "kill_after_s": 1.0}
    worker = Worker(workspace, command("ignores", 60), say=lambda _: None, **limits)
    worker.tick()
    until(lambda: queue.state(queue.get(job.id)).state == "running")
    queue.request_stop(job.id)
    time.sleep(0.3)
    worker.tick()
    assert queue.state(queue.get(job.id)).state == "stopping", "one SIGTERM asks; the run may still save"
    until(lambda: queue.state(queue.get(job.id)).state == "stopped", worker)
    stopped = queue.get(job.id)
    assert not process_alive(stopped.pid or 0, stopped.process_started or 0.0)


def test_a_verb_without_a_run_of_its_own_ends_at_the_second_sigterm(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.submit("index", {"cohort": "a"}, nonce="a")
    limits = {"term_after_s": 0.1, "term_again_s": 0.5, "kill_after_s": 60.0}
    worker = Worker(workspace, command("ignores", 60), say=lambda _: None, **limits)
    worker.tick()
    until(lambda: queue.state(queue.get(job.id)).state == "running")
    queue.request_stop(job.id)
    until(lambda: queue.state(queue.get(job.id)).state == "stopped", worker, limit_s=15)


def test_a_stop_while_starting_is_not_forgotten(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.submit("pretrain", {"name": "a"}, nonce="a")
    worker = Worker(workspace, command(seconds=60), say=lambda _: None, term_after_s=30)
    worker.tick()
    queue.request_stop(job.id)
    assert queue.state(queue.get(job.id)).state == "stopping"
    until(lambda: queue.state(queue.get(job.id)).state == "stopped", worker, limit_s=20)


def test_a_command_that_cannot_be_started_fails_the_job(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.submit("pretrain", {"name": "a"}, nonce="a")
    worker = Worker(workspace, lambda job: ["/nowhere/program"], say=lambda _: None)
    worker.tick()
    state = queue.state(queue.get(job.id))
    assert state.state == "failed" and "could not be started" in state.message


def test_one_worker_per_workspace(workspace: Workspace) -> None:
    assert not worker_alive(workspace)
    with worker_lock(workspace):
        assert worker_alive(workspace)
        with pytest.raises(OperationFailed, match="Another worker"), worker_lock(workspace):
            pass
    done = iter([False, True])
    Worker(workspace, command(), say=lambda _: None).run(poll_s=0.01, done=lambda: next(done))


def test_a_worker_that_was_killed_does_not_count_as_alive(workspace: Workspace) -> None:
    script = (
        "import sys,time;from workbench.runs.worker import worker_lock;from workbench.runs.workspace import Workspace\n"
    )
    script += "with worker_lock(Workspace(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script, str(workspace.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert worker_alive(workspace)
    process.kill()
    process.wait()
    assert not worker_alive(workspace)
