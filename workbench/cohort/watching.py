"""What keeps one bad file from costing more than itself: limits on the time and the memory of a reading process."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEMORY_BYTES = 4 * 2**30
REARM_S = 5.0


class TooSlow(BaseException):
    """The time allowed for one file is over; no ``except Exception`` of a parser may swallow it."""


def hush() -> None:
    """Close standard error of this process: warnings of parsers and codecs quote the values that they stumble on."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)


def limit_memory() -> None:
    """Let this process have 4 GiB of addresses at most: a bomb then costs one file."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    if soft == resource.RLIM_INFINITY or soft > wanted:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


class Watch:
    """Gives up a file that takes too long: by a signal where Python runs, by ending the process where a codec hangs.

    Args:
        slow_s: Seconds that one file may take.
    """

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.able = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        self._armed_at = float("-inf")
        if self.able:
            self._sink = Path(os.devnull).open("w")  # noqa: SIM115 (closed in stop)
            self._before = signal.signal(signal.SIGALRM, self._ring)

    @contextlib.contextmanager
    def file(self) -> Iterator[None]:
        """Watch over one file."""
        if not self.able:
            yield
            return
        now = time.monotonic()
        if now - self._armed_at > REARM_S:
            self._armed_at = now
            faulthandler.dump_traceback_later(1.25 * self.slow_s + 2 * REARM_S, exit=True, file=self._sink)
        signal.setitimer(signal.ITIMER_REAL, self.slow_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def stop(self) -> None:
        """Watch no more."""
        if self.able:
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, self._before)
            self._sink.close()

    @staticmethod
    def _ring(number: int, frame: Any) -> None:
        raise TooSlow
