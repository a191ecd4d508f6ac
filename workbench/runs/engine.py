"""Engines: where a list of independent tasks runs, in local processes or on a Ray cluster."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from workbench.errors import InputError
from workbench.faults import told
from workbench.runs.memory import keep_memory

T = TypeVar("T")
R = TypeVar("R")
ENGINES = ("local", "ray")
ATTEMPTS = 2


@dataclass(frozen=True)
class TaskResult(Generic[R]):
    """What became of one task.

    Attributes:
        index: Its place in the list given.
        value: What the function returned, or None.
        error: The sentence of what went wrong, or None.
    """

    index: int
    value: R | None = None
    error: str | None = None


def worker_count(workers: int | None = None) -> int:
    """``workers``, or one per core that this process may use when it is 0 or None."""
    return workers if workers else len(os.sched_getaffinity(0))


def map_tasks(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    engine: str = "local",
    workers: int | None = None,
    threads_per_worker: int = 1,
) -> Iterator[TaskResult[R]]:
    """Run ``function`` on every item in other processes and yield results as they come, in no order.

    An exception in the function is that task's error. A worker that dies (killed, out of memory, a crashing codec)
    costs only the task that kills it: it is tried once more alone, then reported as its error.

    Args:
        function: A module-level function of one argument.
        items: Its arguments; taken as needed, so a generator of millions is held a few at a time.
        engine: ``local`` for processes on this machine, ``ray`` for a Ray cluster (address from ``RAY_ADDRESS``).
        workers: How many at once; 0 or None for one per core. With one local worker everything runs in a child too.
        threads_per_worker: Threads that numerical libraries may use in each local worker; 0 leaves that to them.

    Raises:
        InputError: The engine is unknown, or Ray is not installed.
    """
    if engine not in ENGINES:
        raise InputError(f"Unknown engine '{engine}'.", todo=f"Choose one of {', '.join(ENGINES)}.")
    if engine == "ray":
        yield from _map_ray(function, items, workers)
        return
    yield from _map_local(function, items, worker_count(workers), threads_per_worker)


@contextlib.contextmanager
def _thread_limits(count: int) -> Iterator[None]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS") if count else ()
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(count) for name in names})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _map_local(function: Callable[[T], R], items: Iterable[T], workers: int, threads: int) -> Iterator[TaskResult[R]]:
    context = multiprocessing.get_context("spawn")
    source = enumerate(items)
    again: list[tuple[int, T]] = []
    suspects: list[tuple[int, T]] = []
    with _thread_limits(threads):
        exhausted = False
        while not exhausted or again:
            pool = ProcessPoolExecutor(workers, mp_context=context, initializer=keep_memory)
            waiting: dict[Future[R], tuple[int, T]] = {}
            broken = False
            try:
                while True:
                    while not broken and len(waiting) < 2 * workers:
                        task = again.pop() if again else next(source, None)
                        if task is None:
                            exhausted = True
                            break
                        try:
                            waiting[pool.submit(function, task[1])] = task
                        except BrokenProcessPool:
                            again.append(task)
                            broken = True
                    if not waiting:
                        break
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        index, item = waiting.pop(future)
                        error = future.exception()
                        if isinstance(error, BrokenProcessPool):
                            broken = True
                            suspects.append((index, item))
                        else:
                            yield (
                                TaskResult(index, error=sentence(error))
                                if error
                                else TaskResult(index, future.result())
                            )
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
            for index, item in suspects:
                yield _alone(function, index, item, context)
            suspects.clear()


def _alone(function: Callable[[T], R], index: int, item: T, context: Any) -> TaskResult[R]:
    """Try a task that was under way when a worker died, in a process of its own."""
    for _ in range(ATTEMPTS - 1):
        with ProcessPoolExecutor(1, mp_context=context, initializer=keep_memory) as pool:
            try:
                return TaskResult(index, pool.submit(function, item).result())
            except BrokenProcessPool:
                continue
            except Exception as error:
                return TaskResult(index, error=sentence(error))
    return TaskResult(
        index, error="The process that worked on it died (killed, out of memory, or a crash in a library)."
    )


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what this process does at SIGTERM: Ray has it die at once, so that nothing would be saved."""
    mine = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if mine else None
    yield
    if before is not None:
        signal.signal(signal.SIGTERM, before)


def _map_ray(function: Callable[[T], R], items: Iterable[T], workers: int | None) -> Iterator[TaskResult[R]]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise InputError(
            "Ray is not installed.", todo="Install the extra: pip install 'medical-imaging-workbench[ray]'."
        ) from error
    mine = not ray.is_initialized()
    if mine:
        address = os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": worker_count(workers), "include_dashboard": False}
        with _own_signals():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    try:
        limit = worker_count(workers) if workers else max(1, int(ray.cluster_resources().get("CPU", 1)))

        def run(item: T) -> R:
            keep_memory()
            return function(item)

        remote = ray.remote(max_retries=ATTEMPTS)(run)
        source = enumerate(items)
        waiting = {remote.remote(item): index for index, item in islice(source, 2 * limit)}
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
            index = waiting.pop(ready)
            try:
                yield TaskResult(index, ray.get(ready))
            except RayError as error:
                cause = getattr(error, "cause", None)
                yield TaskResult(index, error=sentence(cause or error))
            for number, item in islice(source, 1):
                waiting[remote.remote(item)] = number
    finally:
        if mine:
            ray.shutdown()


def sentence(error: BaseException | None) -> str:
    """The error in one line, as ``faults.told`` says it."""
    return told(error) if error is not None else "an error that nobody explained"
