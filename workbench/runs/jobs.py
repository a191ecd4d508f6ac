"""Jobs: a verb with its settings, asked for by the app and done by the worker in a process of its own.

The database holds requests and claims; how a job fares stands in its run folder alone.
"""

from __future__ import annotations

import getpass
import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.config import digest_of
from workbench.errors import InputError
from workbench.runs.database import connect
from workbench.runs.folder import STOP_FILE
from workbench.runs.status import ACTIVE, RunStatus, process_alive
from workbench.runs.workspace import Workspace, plain_name

QUICK_VERBS = ("label", "split")
"""Verbs of seconds: they have a lane of their own and do not wait behind a training."""
START_S = 60.0
TAIL = 20


@dataclass(frozen=True)
class Job:
    """A request, and the claim on it.

    Attributes:
        id: Name of the job.
        verb: The verb as typed.
        settings: Its settings, JSON-ready.
        digest, nonce: Of the settings, and of the click that asked; the two together exist once.
        lane: ``main`` has one slot for the machine's heavy work; ``quick`` one for work of seconds.
        run_kind, run_id: The run folder ``runs/<run_kind>/<run_id>``.
        own_run: Whether the verb makes that folder itself; otherwise the job's process does.
        created, claimed, released, stop_requested: Unix times, or None.
        created_by, claimed_by: The user's and the worker's names.
        pid, process_started: The job's process and when it began.
    """

    id: str
    verb: str
    settings: dict[str, Any]
    digest: str
    nonce: str
    lane: str
    run_kind: str
    run_id: str
    own_run: bool
    created: float
    created_by: str
    claimed: float | None = None
    claimed_by: str | None = None
    pid: int | None = None
    process_started: float | None = None
    released: float | None = None
    stop_requested: float | None = None


@dataclass(frozen=True)
class JobState:
    """How a job fares.

    Attributes:
        state: ``queued, starting, running, stopping, stopped, finished, failed`` or ``lost``.
        message: A sentence for people.
        status: The run's status since the claim, if there is one.
        position: Jobs ahead of a queued one in its lane, counting the one at work.
    """

    state: str
    message: str = ""
    status: RunStatus | None = None
    position: int = 0

    @property
    def active(self) -> bool:
        """Whether it holds its slot."""
        return self.state in ACTIVE

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state not in (*ACTIVE, "queued")


class JobQueue:
    """The jobs of a workspace.

    Args:
        workspace: Whose.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def submit(
        self, verb: str, settings: Mapping[str, Any], *, nonce: str, created_by: str = "", go_on: bool = False
    ) -> Job:
        """Ask for a job; asking twice with the same settings and nonce gives the same job.

        A verb whose settings hold ``name`` makes its run folder of that name itself; a taken name gets a number
        behind. One whose settings hold ``resume`` goes on in that run's folder.

        Args:
            verb: The verb as typed.
            settings: Its settings, JSON-ready.
            nonce: A word drawn when the form was shown, so that a double click asks once.
            created_by: Who asks; the user of this process when empty.
            go_on: Go on in the run folder of that ``name``, for verbs that continue a run by its name and settings.

        Raises:
            InputError: The name cannot be a folder's name, or the run to resume is still at work.
        """
        plain = json.loads(json.dumps(dict(settings), default=str))
        digest = digest_of([verb, plain])
        job_id = datetime.now().strftime("%Y%m%d-%H%M%S") + "-" + secrets.token_hex(3)
        resume, name = str(plain.get("resume") or ""), str(plain.get("name") or "")
        with connect(self.workspace) as database:
            known = database.execute("SELECT * FROM jobs WHERE digest = ? AND nonce = ?", (digest, nonce)).fetchone()
            if known:
                return _job(known)
            if resume:
                run_id = Path(resume).name
                self._refuse_busy(database, verb, run_id)
            elif name and go_on:
                run_id = plain_name(name, "run")
                self._refuse_busy(database, verb, run_id)
            elif name:
                run_id = plain["name"] = self._free_name(database, verb, plain_name(name, "run"))
            else:
                run_id = job_id
            job = Job(
                job_id, verb, plain, digest, nonce, "quick" if verb in QUICK_VERBS else "main", verb, run_id,
                bool(resume or name), time.time(), created_by or getpass.getuser(),
            )  # fmt: skip
            names = [field.name for field in fields(job)]
            values = [json.dumps(plain) if name == "settings" else getattr(job, name) for name in names]
            database.execute(f"INSERT INTO jobs ({','.join(names)}) VALUES ({','.join('?' * len(names))})", values)
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            InputError: There is none.
        """
        found = self._select("WHERE id = ?", job_id)
        if not found:
            raise InputError(f"There is no job '{job_id}'.", todo="Look at the list of jobs.")
        return found[0]

    def jobs(self, *verbs: str, limit: int = 200) -> list[Job]:
        """The latest jobs, newest first; of some verbs only, where named."""
        marks = ",".join("?" * len(verbs))
        where = f"WHERE verb IN ({marks})" if verbs else ""
        return self._select(f"{where} ORDER BY created DESC, rowid DESC LIMIT ?", *verbs, limit)

    def open_jobs(self) -> list[Job]:
        """Jobs waiting or holding their slot, oldest first."""
        waiting = "(claimed IS NULL AND stop_requested IS NULL)"
        return self._select(f"WHERE {waiting} OR (claimed IS NOT NULL AND released IS NULL) ORDER BY created, rowid")

    def claimed(self) -> list[Job]:
        """Jobs whose slot has not been released, oldest first."""
        return self._select("WHERE claimed IS NOT NULL AND released IS NULL ORDER BY claimed")

    def of_run(self, kind: str, run_id: str) -> Job | None:
        """The latest job that works, or worked, in a run folder."""
        where = "WHERE run_kind = ? AND run_id = ? ORDER BY created DESC, rowid DESC LIMIT 1"
        found = self._select(where, kind, run_id)
        return found[0] if found else None

    def claim(self, lane: str, worker: str) -> Job | None:
        """Take the oldest waiting job of a lane, if the lane's slot is free; one worker at most gets it."""
        with connect(self.workspace) as database:
            busy = "SELECT 1 FROM jobs WHERE lane = ? AND claimed IS NOT NULL AND released IS NULL"
            if database.execute(busy, (lane,)).fetchone():
                return None
            row = database.execute(
                "UPDATE jobs SET claimed = ?, claimed_by = ? WHERE id = (SELECT id FROM jobs WHERE lane = ? AND "
                "claimed IS NULL AND stop_requested IS NULL ORDER BY created, rowid LIMIT 1) RETURNING *",
                (time.time(), worker, lane),
            ).fetchone()
            return _job(row) if row else None

    def started(self, job: Job, pid: int, process_started: float) -> Job:
        """Record the process that does a claimed job."""
        with connect(self.workspace) as database:
            update = "UPDATE jobs SET pid = ?, process_started = ? WHERE id = ?"
            database.execute(update, (pid, process_started, job.id))
        return replace(job, pid=pid, process_started=process_started)

    def release(self, job: Job) -> None:
        """Free the slot of a job that has ended."""
        with connect(self.workspace) as database:
            database.execute("UPDATE jobs SET released = ? WHERE id = ?", (time.time(), job.id))

    def request_stop(self, job_id: str) -> None:
        """Ask a job to save and stop; one still waiting is taken out of the queue."""
        with connect(self.workspace) as database:
            update = "UPDATE jobs SET stop_requested = ? WHERE id = ? AND stop_requested IS NULL"
            database.execute(update, (time.time(), job_id))
        job = self.get(job_id)
        if job.claimed and self._status(job):
            (self.folder(job) / STOP_FILE).touch()

    def folder(self, job: Job) -> Path:
        """The job's run folder, made or not yet."""
        return self.workspace.runs_dir / job.run_kind / job.run_id

    def output(self, job: Job) -> Path:
        """The file with what the job's process wrote to its standard output and error."""
        return self.workspace.runs_dir / ".jobs" / f"{job.id}.log"

    def state(self, job: Job) -> JobState:
        """How a job fares, from its claim, its process and its run folder."""
        if job.claimed is None:
            if job.stop_requested:
                return JobState("stopped", "Taken out of the queue before it began.")
            return JobState("queued", position=self._ahead(job))
        later = self.of_run(job.run_kind, job.run_id)
        if later and later.id != job.id and later.claimed:
            return JobState("stopped", f"Continued by the job {later.id}.")
        status = self._status(job)
        alive = (job.pid or -1) > 0 and process_alive(job.pid or 0, job.process_started or 0.0)
        if not alive and not job.pid and time.time() - job.claimed < START_S:
            alive = True
        if not alive:
            status = self._status(job)  # it may have ended between the two looks
        state, message = (status.state, status.message) if status else ("starting", "")
        if state == "queued":
            state = "starting"
        if state in ACTIVE and not alive:
            state = "lost" if status else "failed"
            message = _LOST if status else self._last_words(job)
        if job.stop_requested:
            if state in ("starting", "running"):
                state = "stopping"
            elif state in ("failed", "lost"):
                state, message = "stopped", "Stopped on request; what was saved before is kept."
        return JobState(state, message, status)

    def _status(self, job: Job) -> RunStatus | None:
        """The run's status, unless it stems from before the claim."""
        try:
            status = RunStatus.read(self.folder(job))
        except (OSError, ValueError):
            return None
        return status if status.heartbeat >= (job.claimed or 0.0) else None

    def _ahead(self, job: Job) -> int:
        others = [other for other in self.open_jobs() if other.lane == job.lane and other.id != job.id]
        return sum(1 for other in others if other.claimed or other.created <= job.created)

    def _last_words(self, job: Job) -> str:
        lines = tail(self.output(job), 1)
        return lines[-1].removeprefix("Error: ") if lines else "The job's process ended without a word."

    def _select(self, where: str, *values: Any) -> list[Job]:
        with connect(self.workspace) as database:
            return [_job(row) for row in database.execute(f"SELECT * FROM jobs {where}", values).fetchall()]

    def _free_name(self, database: sqlite3.Connection, verb: str, name: str) -> str:
        taken = {row[0] for row in database.execute("SELECT run_id FROM jobs WHERE run_kind = ?", (verb,))}
        number, chosen = 1, name
        while chosen in taken or (self.workspace.runs_dir / verb / chosen).exists():
            number += 1
            chosen = f"{name[:60]}-{number}"
        return chosen

    def _refuse_busy(self, database: sqlite3.Connection, verb: str, run_id: str) -> None:
        busy = database.execute(
            "SELECT 1 FROM jobs WHERE run_kind = ? AND run_id = ? AND released IS NULL "
            "AND (claimed IS NOT NULL OR stop_requested IS NULL)",
            (verb, run_id),
        ).fetchone()
        if busy:
            raise InputError(f"The run '{run_id}' is still at work.", todo="Wait until it has ended, then resume it.")


_LOST = "We have not heard from this job: its process or the computer stopped. Resume from the last saved point."


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
    return Job(**{**values, "settings": json.loads(values["settings"]), "own_run": bool(values["own_run"])})


def tail(file: Path, lines: int = TAIL) -> list[str]:
    """The last lines of a text file that are not empty; none if it is absent."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 64 * 1024))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
