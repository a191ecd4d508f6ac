"""Work on several connections at once, results as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
LOOK_S = 0.5


def in_threads(
    work: Callable[[T], R],
    items: Iterable[T],
    connections: int,
    *,
    stop: threading.Event,
    done: Callable[[T, R], None],
    look: Callable[[], None],
) -> None:
    """Do ``work`` on every item.

    The first error ends it: ``stop`` is set, what has not begun is given up, what has is waited for.

    Args:
        work: Called in threads.
        items: Taken as there is room: twice as many are begun as there are connections, no more.
        connections: Threads.
        stop: Tells the work under way to end soon.
        done: Called in this thread with an item and its result, as they come.
        look: Called in this thread twice a second, to show progress.
    """
    queue = iter(items)
    running: dict[Future[R], T] = {}
    pool = ThreadPoolExecutor(connections, thread_name_prefix="fetch")
    try:
        while True:
            for item in islice(queue, 2 * connections - len(running)):
                running[pool.submit(work, item)] = item
            if not running:
                return
            finished, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in finished:
                done(running.pop(future), future.result())
            look()
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
