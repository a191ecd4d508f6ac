import ctypes
from pathlib import Path

import pytest

from workbench.runs import memory
from workbench.runs.engine import map_tasks
from workbench.runs.memory import keep_memory, return_memory


@pytest.fixture(autouse=True)
def _forgotten():
    keep_memory.cache_clear()
    yield
    keep_memory.cache_clear()


def _told(_):
    return keep_memory.cache_info().currsize, keep_memory()


def test_workers_keep_memory_from_their_start_where_glibc_is():
    glibc = hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
    assert [result.value for result in map_tasks(_told, [1], workers=1)] == [(1, glibc)]


def test_another_c_library_or_system_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert keep_memory() is False and return_memory() is False
    keep_memory.cache_clear()
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert keep_memory() is False and return_memory() is False


def _anonymous_mb() -> float:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def _with_and_without(_):
    held = [bytes(20_000) for _ in range(2500)]
    pins = [held[place] for place in range(0, 2500, 50)]  # between them lie holes that only trimming gives back
    del held
    before = _anonymous_mb()
    return len(pins), return_memory(), before - _anonymous_mb()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc alone can give holes back")
def test_what_is_free_between_things_in_use_is_given_back():
    (result,) = map_tasks(_with_and_without, [1], workers=1)
    assert result.value is not None
    pins, said, given_back = result.value
    assert pins == 50 and said and given_back > 30
