"""Trying again, with growing waits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from workbench.sources.pacs.archive import AGAIN, ArchiveProblem
from workbench.sources.pacs.landing import Stopped

T = TypeVar("T")
LONGEST_S = 60.0


@dataclass(frozen=True)
class Backoff:
    """How often, and after how long.

    Attributes:
        retries: Tries after the first.
        first_s: Wait before the second try, seconds; it doubles from there, up to a minute. A tenth is left to chance,
            so that several connections do not come back at one moment.
    """

    retries: int = 4
    first_s: float = 1.0

    def wait_s(self, tried: int, asked_s: float = 0.0) -> float:
        """Seconds to wait after ``tried`` tries; what the server asks for, where that is more."""
        return max(min(self.first_s * 2 ** (tried - 1), LONGEST_S) * random.uniform(1.0, 1.1), min(asked_s, 600.0))

    def call(self, work: Callable[[], T], stop: threading.Event) -> T:
        """Do ``work``, again after problems that may pass.

        Raises:
            ArchiveProblem: The last try's.
            Stopped: Somebody asked to stop while it waited.
        """
        for tried in range(1, self.retries + 2):
            try:
                return work()
            except ArchiveProblem as problem:
                if problem.scope != AGAIN or tried > self.retries:
                    raise
                if stop.wait(self.wait_s(tried, problem.wait_s)):
                    raise Stopped from problem
        raise AssertionError("unreachable")
