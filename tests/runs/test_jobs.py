from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from workbench.errors import InputError
from workbench.runs.jobs import JobQueue, tail
from workbench.runs.status import RunStatus
from workbench.runs.workspace import Workspace


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    return JobQueue(Workspace(tmp_path))


def write_status(queue: JobQueue, job, **facts) -> RunStatus:
    folder = queue.folder(job)
    folder.mkdir(parents=True, exist_ok=True)
    me = psutil.Process()
    status = RunStatus(**{"heartbeat": time.time(), "pid": me.pid, "process_started": me.create_time(), **facts})
    status.write(folder)
    return status


def at_work(queue: JobQueue, job):
    """The job as claimed by a worker and done by this very process."""
    claimed = queue.claim(job.lane, "tester")
    assert claimed is not None and claimed.id == job.id
    return queue.started(claimed, os.getpid(), psutil.Process().create_time())


def dead(queue: JobQueue, job):
    """The job as claimed, with a process that has gone."""
    claimed = queue.claim(job.lane, "tester")
    assert claimed is not None
    return queue.started(claimed, 2**22 - 3, 1.0)


def test_a_job_keeps_its_settings_and_who_asked(queue: JobQueue) -> None:
    job = queue.submit("index", {"sources": [Path("/a")], "cohort": "x"}, nonce="1", created_by="reader")
    again = queue.get(job.id)
    assert again == job
    assert again.settings == {"sources": ["/a"], "cohort": "x"}
    assert (again.created_by, again.run_kind, again.run_id, again.own_run) == ("reader", "index", job.id, False)


def test_a_double_click_asks_once_and_another_click_asks_again(queue: JobQueue) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: queue.submit("study", {"name": "a"}, nonce="same"), range(16)))
    assert len({job.id for job in jobs}) == 1
    assert queue.submit("study", {"name": "a"}, nonce="other").run_id == "a-2"
    assert len(queue.jobs()) == 2


def test_names_of_runs_stay_free(queue: JobQueue) -> None:
    (queue.workspace.runs_dir / "pretrain" / "night").mkdir(parents=True)
    first = queue.submit("pretrain", {"name": "night"}, nonce="1")
    second = queue.submit("pretrain", {"name": "night"}, nonce="2")
    assert (first.run_id, second.run_id) == ("night-2", "night-3")
    assert first.settings["name"] == "night-2" and first.own_run


def test_a_name_that_cannot_be_a_folder_is_refused(queue: JobQueue) -> None:
    with pytest.raises(InputError, match="cannot be the name of a run"):
        queue.submit("pretrain", {"name": "../x"}, nonce="1")
    assert queue.jobs() == []


def test_an_unknown_job_is_told(queue: JobQueue) -> None:
    with pytest.raises(InputError, match="no job 'x'"):
        queue.get("x")


def test_one_slot_per_lane_and_first_come_first_served(queue: JobQueue) -> None:
    first = queue.submit("pretrain", {"name": "a"}, nonce="1")
    second = queue.submit("index", {"cohort": "b"}, nonce="2")
    quick = queue.submit("label", {"cohort": "b"}, nonce="3")
    assert [queue.state(job).position for job in (first, second, quick)] == [0, 1, 0]
    with ThreadPoolExecutor(8) as pool:
        taken = [job for job in pool.map(lambda n: queue.claim("main", f"w{n}"), range(16)) if job]
    assert [job.id for job in taken] == [first.id]
    claimed = queue.claim("quick", "w")
    assert claimed is not None and claimed.id == quick.id
    queue.release(taken[0])
    following = queue.claim("main", "w")
    assert following is not None and following.id == second.id
    assert [job.id for job in queue.open_jobs()] == [second.id, quick.id]
    assert [job.id for job in queue.claimed()] == [quick.id, second.id]
    assert [job.id for job in queue.jobs("index", "label")] == [quick.id, second.id]


def test_states_from_queued_to_finished(queue: JobQueue) -> None:
    job = queue.submit("pretrain", {"name": "a"}, nonce="1")
    assert queue.state(job).state == "queued"
    job = at_work(queue, job)
    assert queue.state(job).state == "starting"
    write_status(queue, job, state="queued")
    assert queue.state(job).state == "starting"
    write_status(queue, job, state="running", step=3, total=9)
    state = queue.state(job)
    assert (state.state, state.active, state.ended) == ("running", True, False)
    assert state.status is not None and state.status.step == 3
    write_status(queue, job, state="finished", message="Done.")
    state = queue.state(job)
    assert (state.state, state.message, state.active, state.ended) == ("finished", "Done.", False, True)


def test_a_claim_without_a_process_yet_is_starting(queue: JobQueue) -> None:
    queue.submit("pretrain", {"name": "a"}, nonce="1")
    job = queue.claim("main", "w")
    assert job is not None and queue.state(job).state == "starting"


def test_a_process_that_ended_before_its_run_began_has_failed_with_its_last_words(queue: JobQueue) -> None:
    job = dead(queue, queue.submit("pretrain", {"name": "a"}, nonce="1"))
    assert queue.state(job).message == "The job's process ended without a word."
    queue.output(job).parent.mkdir(parents=True)
    queue.output(job).write_text("Reading ...\nError: No cohort is named.\n\n")
    state = queue.state(job)
    assert (state.state, state.message) == ("failed", "No cohort is named.")


def test_a_process_that_went_while_running_is_lost(queue: JobQueue) -> None:
    job = dead(queue, queue.submit("pretrain", {"name": "a"}, nonce="1"))
    write_status(queue, job, state="running", pid=job.pid, process_started=1.0)
    state = queue.state(job)
    assert state.state == "lost"
    assert "Resume" in state.message


def test_no_heartbeat_for_ninety_seconds_is_lost(queue: JobQueue) -> None:
    job = queue.submit("pretrain", {"name": "a"}, nonce="1")
    job = at_work(queue, job)
    now = time.time()
    write_status(queue, job, state="running", heartbeat=now)
    assert queue.state(job).state == "running"
    status = RunStatus.read(queue.folder(job))
    assert not status.is_lost()
    status.heartbeat = now - 91
    assert status.is_lost()


def test_stop_of_a_waiting_job_takes_it_out(queue: JobQueue) -> None:
    job = queue.submit("pretrain", {"name": "a"}, nonce="1")
    queue.request_stop(job.id)
    state = queue.state(queue.get(job.id))
    assert (state.state, state.ended) == ("stopped", True)
    assert queue.claim("main", "w") is None
    assert queue.open_jobs() == []


def test_stop_of_a_running_job_is_passed_on_as_a_file(queue: JobQueue) -> None:
    job = at_work(queue, queue.submit("pretrain", {"name": "a"}, nonce="1"))
    write_status(queue, job, state="running")
    queue.request_stop(job.id)
    asked = queue.get(job.id)
    assert (queue.folder(job) / "stop").exists()
    assert queue.state(asked).state == "stopping"
    queue.request_stop(job.id)
    assert queue.get(job.id).stop_requested == asked.stop_requested
    write_status(queue, job, state="failed", message="SystemExit")
    assert queue.state(asked).state == "stopped"
    write_status(queue, job, state="finished")
    assert queue.state(asked).state == "finished"


def test_a_resumed_run_belongs_to_its_latest_job(queue: JobQueue) -> None:
    first = at_work(queue, queue.submit("pretrain", {"name": "a"}, nonce="1"))
    write_status(queue, first, state="stopped")
    with pytest.raises(InputError, match="still at work"):
        queue.submit("pretrain", {"resume": "a"}, nonce="2")
    queue.release(first)
    time.sleep(0.01)
    second = queue.submit("pretrain", {"resume": "a"}, nonce="2")
    assert (second.run_id, second.own_run) == ("a", True)
    assert queue.state(first).state == "stopped"
    second = at_work(queue, second)
    assert queue.state(second).state == "starting", "the status from before the claim says nothing about this job"
    assert queue.state(first).message == f"Continued by the job {second.id}."
    found = queue.of_run("pretrain", "a")
    assert found is not None and found.id == second.id
    assert queue.of_run("pretrain", "b") is None


def test_a_damaged_status_counts_as_none(queue: JobQueue) -> None:
    job = at_work(queue, queue.submit("pretrain", {"name": "a"}, nonce="1"))
    queue.folder(job).mkdir(parents=True)
    (queue.folder(job) / "status.json").write_text("{")
    assert queue.state(job).state == "starting"


def test_tail_gives_the_last_lines_that_say_something(tmp_path: Path) -> None:
    file = tmp_path / "log"
    assert tail(file) == []
    file.write_text("".join(f"line {n}\n\n" for n in range(50)))
    assert tail(file, 2) == ["line 48", "line 49"]
