"""The worker: claims jobs, starts each in a detached process, passes stop requests on, frees slots.

A job outlives its worker: the next worker finds it at work by its process and its run folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.errors import OperationFailed
from workbench.runs.folder import STOP_FILE
from workbench.runs.jobs import Job, JobQueue
from workbench.runs.status import process_alive
from workbench.runs.workspace import Workspace

LANES = ("main", "quick")
TERM_AFTER_S = 5.0
TERM_AGAIN_S = 20.0
KILL_AFTER_S = 120.0


class Worker:
    """One slot per lane.

    Args:
        workspace: Whose jobs.
        command: Gives the command line that does a job.
        say: Where sentences about what it does go.
        term_after_s: Seconds between a stop request, which a run sees as a file, and SIGTERM.
        term_again_s: Seconds until a second SIGTERM, for verbs that do not save in between.
        kill_after_s: Seconds until SIGKILL to the job's whole process group.
    """

    def __init__(
        self,
        workspace: Workspace,
        command: Callable[[Job], list[str]],
        *,
        say: Callable[[str], None] = print,
        term_after_s: float = TERM_AFTER_S,
        term_again_s: float = TERM_AGAIN_S,
        kill_after_s: float = KILL_AFTER_S,
    ) -> None:
        self.workspace, self.command, self.say = workspace, command, say
        self.queue = JobQueue(workspace)
        self.term_after_s, self.term_again_s, self.kill_after_s = term_after_s, term_again_s, kill_after_s
        self.name = f"{os.uname().nodename}:{os.getpid()}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._signals: dict[str, int] = {}

    def run(self, *, poll_s: float = 1.0, done: Callable[[], bool] = lambda: False) -> None:
        """Work until ``done`` says so; jobs at work then go on by themselves.

        Raises:
            OperationFailed: Another worker serves the workspace.
        """
        with worker_lock(self.workspace):
            while not done():
                self.tick()
                time.sleep(poll_s)

    def tick(self) -> None:
        """Look once: free the slots of jobs that ended, pass stop requests on, start what waits."""
        for job in self.queue.claimed():
            process = self._processes.get(job.id)
            if process:
                process.poll()
            state = self.queue.state(job)
            if state.ended:
                (self.queue.folder(job) / STOP_FILE).unlink(missing_ok=True)  # it has been heard, or never will be
                self.queue.release(job)
                self._processes.pop(job.id, None)
                self.say(f"{job.verb} {job.run_id}: {state.state}. {state.message}".rstrip())
            elif job.stop_requested:
                self._stop(job)
        for lane in LANES:
            job = self.queue.claim(lane, self.name)
            if job:
                self._start(job)

    def _start(self, job: Job) -> None:
        import psutil

        output = self.queue.output(job)
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            with output.open("ab") as stream:
                process = subprocess.Popen(
                    self.command(job),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=self.workspace.root,
                    start_new_session=True,
                    close_fds=True,
                )
        except OSError as error:
            output.write_text(f"Error: The job's process could not be started: {error}\n", encoding="utf-8")
            self.queue.started(job, -1, 0.0)
            return
        self._processes[job.id] = process
        try:
            began = psutil.Process(process.pid).create_time()
        except psutil.Error:
            began = time.time()
        self.queue.started(job, process.pid, began)
        self.say(f"{job.verb} {job.run_id}: started as process {process.pid}.")

    def _stop(self, job: Job) -> None:
        folder = self.queue.folder(job)
        if folder.is_dir():
            (folder / STOP_FILE).touch()
        pid = job.pid or 0
        if pid <= 0 or not process_alive(pid, job.process_started or 0.0):
            return
        asked_s = time.time() - (job.stop_requested or 0.0)
        sent = self._signals.get(job.id, 0)
        with contextlib.suppress(ProcessLookupError):
            if asked_s > self.kill_after_s:
                os.killpg(pid, signal.SIGKILL)
            elif (sent == 0 and asked_s > self.term_after_s) or (
                sent == 1 and asked_s > self.term_again_s and not job.own_run
            ):
                self._signals[job.id] = sent + 1
                os.kill(pid, signal.SIGTERM)


def lock_file(workspace: Workspace) -> Path:
    """The file that the worker of a workspace holds, with its process number in it."""
    return workspace.database.with_name(workspace.database.name + ".worker")


@contextlib.contextmanager
def worker_lock(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's worker lock.

    Raises:
        OperationFailed: Another worker holds it.
    """
    import psutil

    file = lock_file(workspace)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperationFailed(
                "Another worker serves this workspace already.",
                where=workspace.root,
                todo="Nothing: it does the jobs. Stop it first to run one here.",
            ) from error
        stream.truncate(0)
        stream.write(json.dumps({"pid": os.getpid(), "started": psutil.Process().create_time()}))
        stream.flush()
        yield


def worker_alive(workspace: Workspace) -> bool:
    """Whether a worker on this machine serves the workspace."""
    try:
        content = json.loads(lock_file(workspace).read_text(encoding="utf-8"))
        return process_alive(int(content["pid"]), float(content["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False
