"""Progress for people: how far, how fast, how long still, on standard error."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TextIO

WINDOW_S = 60.0


class Progress:
    """Counts units of work and tells rate and time left, at most twice a second.

    The rate is taken over the last minute, so that a slow start does not spoil the estimate.

    Args:
        quiet: Write nothing.
        stream: Where the lines go; standard error when not given.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = stream or sys.stderr
        self.step = 0
        self.total = 0
        self.unit = ""
        self.numbers: dict[str, float | int | str] = {}
        self._marks: deque[tuple[float, int]] = deque()
        self._last_shown = 0.0
        self._open_line = False

    def progress(self, step: int, total: int, unit: str = "scans", **numbers: float | int | str) -> None:
        """Tell that ``step`` of ``total`` units are done; further figures are shown behind."""
        now = time.monotonic()
        if unit != self.unit or step < self.step or total != self.total:
            self._marks.clear()
        self.step, self.total, self.unit = step, total, unit
        self.numbers.update(numbers)
        # Told the same step again, only the time has passed: the rate stays that of the steps done.
        if not self._marks or self._marks[-1][1] != step:
            self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW_S:
            self._marks.popleft()
        if now - self._last_shown >= 0.5 or step >= total:
            self._last_shown = now
            self._show()

    def log(self, sentence: str) -> None:
        """Say one sentence."""
        if self.quiet:
            return
        self._end_line()
        print(sentence, file=self.stream, flush=True)

    @property
    def throughput(self) -> float | None:
        """Units per second over the last minute, or None while it cannot be told."""
        if len(self._marks) < 2:
            return None
        (first_time, first_step), (last_time, last_step) = self._marks[0], self._marks[-1]
        if last_time <= first_time or last_step <= first_step:
            return None
        return (last_step - first_step) / (last_time - first_time)

    @property
    def time_left_s(self) -> float | None:
        """Seconds left by the present rate, or None while it cannot be told."""
        rate = self.throughput
        return None if rate is None else max(0, self.total - self.step) / rate

    def stop_requested(self) -> bool:
        """Whether somebody asked for a stop; without a run folder nobody can."""
        return False

    def _show(self) -> None:
        if self.quiet:
            return
        line = self.line()
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[2K{line}")
            self._open_line = True
            if self.step >= self.total:
                self._end_line()
            self.stream.flush()
        elif self.step >= self.total or self._every_few_seconds():
            print(line, file=self.stream, flush=True)

    def _every_few_seconds(self) -> bool:
        now = time.monotonic()
        if now - getattr(self, "_last_printed", float("-inf")) < 5.0:
            return False
        self._last_printed = now
        return True

    def _end_line(self) -> None:
        if self._open_line:
            self.stream.write("\n")
            self._open_line = False

    def line(self) -> str:
        """The line that people see."""
        share = f" ({100 * self.step / self.total:.0f} %)" if self.total else ""
        parts = [f"{self.step:,} of {self.total:,} {self.unit}{share}"]
        if self.throughput is not None and self.step < self.total:
            rate = self.throughput
            parts.append(f"{rate:,.0f} {self.unit}/s" if rate >= 10 else f"{rate:.2g} {self.unit}/s")
            parts.append(f"{duration(self.time_left_s or 0.0)} left")
        for name, value in self.numbers.items():
            parts.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
        return "  " + " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in words that people use: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
