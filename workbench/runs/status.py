"""What a run says of itself: ``status.json``, replaced atomically, with a heartbeat."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEARTBEAT_S = 10.0
LOST_AFTER_S = 90.0
ACTIVE = ("starting", "running", "stopping")
ENDED = ("finished", "failed", "stopped", "lost")


@dataclass
class RunStatus:
    """The state of a run.

    Attributes:
        state: ``queued, starting, running, stopping, stopped, finished, failed`` or ``lost``.
        step, total, unit: How far it is, of how much, in what.
        throughput: Units per second over the last seconds, or None.
        time_left_s: Seconds left by that rate, or None while it cannot be told.
        heartbeat: Unix time of the last sign of life.
        pid, process_started: The process, and when it began (process numbers are used again).
        numbers: The latest figures by name.
        message: A sentence for people: what is going on, or what it ended with.
    """

    state: str = "queued"
    step: int = 0
    total: int = 0
    unit: str = "steps"
    throughput: float | None = None
    time_left_s: float | None = None
    started: float = 0.0
    ended: float | None = None
    heartbeat: float = 0.0
    pid: int = 0
    process_started: float = 0.0
    message: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replace ``folder/status.json`` in one step, so that a reader never sees half of it."""
        write_json(folder / "status.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> RunStatus:
        """Read ``folder/status.json``; a run without a heartbeat whose process has gone is ``lost``."""
        content = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        status = cls(**{name: content[name] for name in cls.__dataclass_fields__ if name in content})
        if status.state in ACTIVE and status.is_lost():
            status.state = "lost"
            status.message = "No sign of life: the process or the computer stopped. Resume from the last saved point."
        return status

    def at_work(self) -> bool:
        """Whether its process is doing it now."""
        return self.state in ACTIVE and process_alive(self.pid, self.process_started)

    def is_lost(self) -> bool:
        """No heartbeat for 90 seconds, or no heartbeat period passed but the process is gone."""
        silent = time.time() - self.heartbeat
        return silent > LOST_AFTER_S or (silent > HEARTBEAT_S * 2 and not process_alive(self.pid, self.process_started))


def process_alive(pid: int, started: float) -> bool:
    """Whether process ``pid`` runs and is the one that began at ``started`` (Unix time, to two seconds)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 2.0
    except psutil.Error:
        return False


def write_json(file: Path, content: Any) -> None:
    """Write JSON to a temporary name beside ``file`` and rename it."""
    write_text(file, json.dumps(content, indent=1, default=str) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write text to a temporary name beside ``file`` and rename it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
