from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
import threading
import time

import pytest

from workbench.cohort import watching
from workbench.cohort.watching import TooSlow, Watch, hush, limit_memory


def test_a_watch_rings_once_and_leaves_the_signal_as_it_was():
    before = signal.getsignal(signal.SIGALRM)
    watch = Watch(0.1)
    with pytest.raises(TooSlow), watch.file():
        time.sleep(10)
    with watch.file():
        pass
    time.sleep(0.15)
    watch.stop()
    assert signal.getsignal(signal.SIGALRM) is before and not issubclass(TooSlow, Exception)


def test_outside_the_main_thread_nothing_is_watched():
    done = []

    def work():
        watch = Watch(0.01)
        with watch.file():
            time.sleep(0.05)
        watch.stop()
        done.append(watch.able)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [False]


def _limited(queue):
    watching.MEMORY_BYTES = 3 * 2**30
    limit_memory()
    hush()
    print("said in vain", file=sys.stderr, flush=True)
    queue.put(resource.getrlimit(resource.RLIMIT_AS)[0])


def test_a_process_limits_its_memory_and_is_silent(capfd):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_limited, args=(queue,))
    process.start()
    assert queue.get(timeout=20) == 3 * 2**30
    process.join()
    assert capfd.readouterr().err == ""
