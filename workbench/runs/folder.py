"""A run folder: settings, status with heartbeat, log, per-epoch figures, outputs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from workbench import faults
from workbench.config import Settings, digest_of
from workbench.errors import InputError, WorkbenchError
from workbench.runs.progress import Progress, duration
from workbench.runs.status import HEARTBEAT_S, RunStatus, write_text
from workbench.runs.workspace import Workspace, plain_name

STOP_FILE = "stop"
CLOCKS_APART_S = 1.0


class RunFolder(Progress):
    """One run on disk. Used as a context manager it marks the run running, and finished, stopped or failed at the end.

    Args:
        path: The run's folder, existing.
        quiet: Write no progress to standard error.
    """

    def __init__(self, path: Path, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        super().__init__(quiet=quiet, stream=stream)
        self.path = Path(path)
        self._status = RunStatus()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._stopped = False
        self._signalled = False
        self._conclusion = ""

    @classmethod
    def create(
        cls, workspace: Workspace, kind: str, settings: Settings, run_id: str | None = None, *, quiet: bool = False
    ) -> RunFolder:
        """Make ``runs/<kind>/<run_id>`` with the resolved settings in it.

        Args:
            workspace: Where.
            kind: The verb, such as ``pretrain``.
            settings: The verb's resolved settings.
            run_id: A name; the date, time and settings' digest when not given. A taken name gets a number behind.

        Raises:
            InputError: The name cannot be a folder's name.
        """
        stem = (
            plain_name(run_id, "run")
            if run_id
            else datetime.now().strftime("%Y%m%d-%H%M%S") + "-" + settings.digest()[:6]
        )
        parent = workspace.runs_dir / kind
        parent.mkdir(parents=True, exist_ok=True)
        path = _first_free(parent, stem)
        write_text(path / "settings.yaml", settings.to_yaml())
        run = cls(path, quiet=quiet)
        run._status = RunStatus(state="queued", started=time.time(), heartbeat=time.time(), pid=os.getpid())
        run._status.write(path)
        return run

    @classmethod
    def open(cls, path: Path, *, quiet: bool = False) -> RunFolder:
        """An existing run, to be read or continued."""
        run = cls(path, quiet=quiet)
        run._status = RunStatus.read(path)
        return run

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def kind(self) -> str:
        """The verb that made it."""
        return self.path.parent.name

    def status(self) -> RunStatus:
        """The state as it is on disk now."""
        return RunStatus.read(self.path)

    def refuse_running(self) -> None:
        """Nothing, unless a process is at work in the folder.

        Raises:
            InputError: One is.
        """
        if self.status().at_work():
            raise InputError(f"The run '{self.run_id}' is running.", where=self.path, todo="Stop it first, or wait.")

    def __enter__(self) -> RunFolder:
        import psutil

        process_started = psutil.Process().create_time()
        self._forget_old_stop(process_started)
        self._stopped = self._signalled = False
        self._conclusion = ""
        now = time.time()
        self._status.state, self._status.message = "running", ""
        self._status.pid, self._status.process_started = os.getpid(), process_started
        self._status.started, self._status.ended, self._status.heartbeat = now, None, now
        self._write_status()
        self._done.clear()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._on_term)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if hasattr(self, "_previous"):
            signal.signal(signal.SIGTERM, self._previous)
        took = duration(time.time() - self._status.started)
        if error is None and self._stopped:
            self._status.state = "stopped"
            self._status.message = self._conclusion or f"Stopped on request after {took}; what was saved is kept."
        elif error is None:
            self._status.state, self._status.message = "finished", self._conclusion or f"Finished after {took}."
        elif isinstance(error, SystemExit) and self._signalled:
            self._status.state, self._status.message = "stopped", "Broken off by a second signal to stop."
        elif isinstance(error, KeyboardInterrupt):
            self._status.state, self._status.message = "stopped", "Interrupted from the keyboard."
        else:
            self._status.state = "failed"
            self._status.message = faults.told(error)
            self._append("log.txt", self._status.message)
            if not isinstance(error, WorkbenchError):
                self._append("log.txt", faults.trace(error))
        self._status.ended = time.time()
        self._write_status()
        (self.path / STOP_FILE).unlink(missing_ok=True)

    def conclude(self, sentence: str) -> None:
        """Say what the run ends with: the message of its status once it has ended without an error."""
        self._conclusion = sentence

    def progress(self, step: int, total: int, unit: str = "scans", **numbers: float | int | str) -> None:
        """Tell that ``step`` of ``total`` units are done: to standard error and, at most twice a second, on disk."""
        before = self._last_shown
        super().progress(step, total, unit, **numbers)
        if self._last_shown != before:
            status = self._status
            status.step, status.total, status.unit = step, total, unit
            status.throughput, status.time_left_s = self.throughput, self.time_left_s
            status.numbers.update(numbers)
            self._write_status()

    def log(self, sentence: str) -> None:
        """Say one sentence, to standard error and to ``log.txt``; it is the run's message until the next."""
        super().log(sentence)
        self._append("log.txt", f"{datetime.now():%Y-%m-%d %H:%M:%S} {sentence}")
        self._status.message = sentence

    def event(self, **numbers: Any) -> None:
        """Append one line of figures to ``metrics.jsonl``, one per epoch."""
        self._append("metrics.jsonl", json.dumps({"time": round(time.time(), 3), **numbers}, default=float))

    def events(self) -> list[dict[str, Any]]:
        """All lines of ``metrics.jsonl``; a line cut short by a kill is left out."""
        file = self.path / "metrics.jsonl"
        lines = []
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return lines

    def request_stop(self) -> None:
        """Ask the run, from any process, to save and stop."""
        (self.path / STOP_FILE).touch()

    def stop_requested(self) -> bool:
        """Whether somebody asked for a stop, by file or by SIGTERM; a run that sees it ends as ``stopped``."""
        self._stopped = self._stopped or self._signalled or (self.path / STOP_FILE).exists()
        return self._stopped

    def _forget_old_stop(self, process_started: float) -> None:
        """Remove a stop request meant for an earlier process; one made while this one was starting stands."""
        file = self.path / STOP_FILE
        if file.exists() and file.stat().st_mtime < process_started - CLOCKS_APART_S:
            file.unlink(missing_ok=True)

    def _on_term(self, number: int, frame: object) -> None:
        if self._signalled:
            sys.exit(143)
        self._signalled = True
        self.request_stop()  # for processes that work for this one

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT_S):
            self._write_status()

    def _write_status(self) -> None:
        with self._lock:
            self._status.heartbeat = time.time()
            self._status.write(self.path)

    def _append(self, name: str, line: str) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(line.rstrip("\n") + "\n")


def _first_free(parent: Path, stem: str) -> Path:
    """Make ``parent/stem``, or ``stem-2`` and so on where that is taken; safe against others doing the same."""
    number = 1
    while True:
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def settings_digest(path: Path) -> str:
    """The digest of the settings written into a run folder."""
    from workbench.config import read_yaml

    return digest_of(read_yaml(path / "settings.yaml"))
