from __future__ import annotations

import threading

import pytest

from workbench.sources.pacs.archive import AGAIN, ALL, THIS, ArchiveProblem
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.landing import Stopped


def failing(scope: str, times: int) -> tuple[list[int], object]:
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise ArchiveProblem("no", scope=scope)
        return "done"

    return calls, work


def test_what_may_pass_is_tried_again():
    calls, work = failing(AGAIN, 2)
    assert Backoff(2, 0.001).call(work, threading.Event()) == "done" and len(calls) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(("scope", "tries"), [(AGAIN, 3), (THIS, 1), (ALL, 1)])
def test_the_last_problem_is_passed_on(scope: str, tries: int):
    calls, work = failing(scope, 99)
    with pytest.raises(ArchiveProblem):
        Backoff(2, 0.001).call(work, threading.Event())  # type: ignore[arg-type]
    assert len(calls) == tries


def test_waits_double_up_to_a_minute_and_heed_the_server():
    waits = [Backoff(9, 1.0).wait_s(tried) for tried in (1, 2, 3, 10)]
    assert all(low <= wait <= 1.1 * low for wait, low in zip(waits, (1, 2, 4, 60), strict=True))
    assert Backoff(9, 1.0).wait_s(1, 30.0) == 30.0 and Backoff(9, 1.0).wait_s(1, 1e9) == 600.0


def test_a_stop_ends_the_waiting():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Backoff(5, 60.0).call(failing(AGAIN, 9)[1], stop)  # type: ignore[arg-type]
