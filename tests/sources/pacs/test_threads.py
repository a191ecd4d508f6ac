from __future__ import annotations

import threading
import time

import pytest

from workbench.sources.pacs.threads import in_threads


def test_all_items_are_done_in_as_many_threads_as_asked():
    at_once, most, lock = 0, 0, threading.Lock()
    got: dict[int, int] = {}

    def work(item: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1
        return item * item

    looks: list[int] = []
    stop = threading.Event()
    in_threads(work, range(20), 3, stop=stop, done=got.__setitem__, look=lambda: looks.append(1))
    assert got == {item: item * item for item in range(20)} and most == 3 and looks and not stop.is_set()


@pytest.mark.parametrize("where", ["work", "done", "look"])
def test_the_first_error_stops_the_rest(where: str):
    begun: list[int] = []
    stop = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if where == "work" and item == 3:
            raise ValueError("here")
        stop.wait(0.005)
        return item

    def done(item: int, result: int) -> None:
        if where == "done" and item == 3:
            raise ValueError("here")

    def look() -> None:
        if where == "look" and len(begun) > 3:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        in_threads(work, iter(range(10_000)), 2, stop=stop, done=done, look=look)
    assert stop.is_set() and len(begun) < 100
