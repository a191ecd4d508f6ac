"""``workbench worker``: does the jobs that the app asks for, each in a process of its own."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from pydantic import Field

from workbench.config import Result, Settings, load_settings
from workbench.errors import WorkbenchError
from workbench.runs.folder import RunFolder
from workbench.runs.jobs import Job, JobQueue
from workbench.runs.progress import Progress
from workbench.runs.status import RunStatus, write_json
from workbench.runs.worker import Worker
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

RESULT_FILE = "job_result.json"


class WorkerSettings(Settings):
    """How to serve."""

    poll_s: float = Field(default=1.0, gt=0, description="Seconds between two looks at the queue.")
    job: str = Field(default="", description="Do this one job here and end; what the worker starts for each job.")


class WorkerResult(Result):
    """What became of it."""

    state: str
    message: str = ""

    @property
    def exit_code(self) -> int:
        """1 when the one job failed."""
        return 1 if self.state == "failed" else 0

    def summary(self) -> str:
        """One sentence."""
        return self.message or f"The worker has {self.state}."


def worker(settings: WorkerSettings, *, workspace: Workspace, progress: Progress | None = None) -> WorkerResult:
    """Serve the workspace until interrupted, or do one job.

    Raises:
        OperationFailed: Another worker serves the workspace.
        InputError: There is no such job.
    """
    if settings.job:
        return perform(JobQueue(workspace).get(settings.job), workspace)
    progress = progress or Progress()
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    progress.log(f"Waiting for jobs in {workspace.root}")
    try:
        Worker(workspace, lambda job: command_of(job, workspace), say=progress.log).run(
            poll_s=settings.poll_s, done=lambda: bool(ended)
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    return WorkerResult(state="stopped", message="The worker has stopped; a job at work goes on by itself.")


def command_of(job: Job, workspace: Workspace) -> list[str]:
    """The command line of the process that does a job."""
    return [sys.executable, "-m", "workbench.cli", "worker", f"job={job.id}", "--workspace", str(workspace.root)]


def perform(job: Job, workspace: Workspace) -> WorkerResult:
    """Do a job in this process; whatever happens is said in its run folder.

    A verb that makes no run folder gets one here, so that its progress, log and end can be read like any other's.
    """
    folder = JobQueue(workspace).folder(job)
    began = time.time()
    try:
        model, function = VERBS[job.verb].load()
        settings = load_settings(model, values=job.settings)
        if job.own_run:
            result = function(settings, workspace=workspace, progress=Progress())
        else:
            result = _in_folder(RunFolder.create(workspace, job.run_kind, settings, job.run_id), function, settings)
    except Exception as error:
        fault = f"The program met a fault of its own ({type(error).__name__}: {error})."
        message = str(error) if isinstance(error, WorkbenchError) else fault
        _mark_failed(folder, began, message)
        raise
    finally:
        _forget_uploads(job, workspace)
    if result is None:
        return WorkerResult(state="stopped", message="Stopped on request.")
    if folder.is_dir():
        write_json(folder / RESULT_FILE, {"summary": result.summary(), "result": result.model_dump(mode="json")})
    code = int(getattr(result, "exit_code", 0))
    if code:
        _mark_failed(folder, began, result.summary())
    return WorkerResult(state="failed" if code else "finished", message=result.summary())


def _in_folder(run: RunFolder, function, settings: Settings) -> Result | None:  # noqa: ANN001
    """Run a verb that makes no run folder inside one; None where a stop request ended it."""
    with run:
        try:
            result = function(settings, workspace=Workspace(run.path.parents[2]), progress=run)
            run.conclude(next(iter(result.summary().splitlines()), ""))
            return result
        except SystemExit:
            if not run.stop_requested():
                raise
            return None


def _mark_failed(folder: Path, began: float, message: str) -> None:
    """Say in the run folder that the job failed, if its run has not said so itself."""
    try:
        status = RunStatus.read(folder)
        if status.state == "failed" and status.heartbeat >= began:
            return
    except (OSError, ValueError):
        status = RunStatus(started=began)
    folder.mkdir(parents=True, exist_ok=True)
    status.state, status.message = "failed", message
    status.heartbeat = status.ended = time.time()
    status.write(folder)
    with (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(message + "\n")


def _forget_uploads(job: Job, workspace: Workspace) -> None:
    """Remove label tables that were uploaded for this job: they may hold identifiers."""
    for value in job.settings.values():
        path = Path(value) if isinstance(value, str) and value else None
        if path and path.parent.name == "uploads" and path.is_relative_to(workspace.cohorts_dir):
            path.unlink(missing_ok=True)
