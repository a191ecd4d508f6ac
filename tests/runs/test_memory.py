import ctypes

import pytest

from workbench.runs import memory
from workbench.runs.engine import map_tasks
from workbench.runs.memory import keep_memory


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
    assert keep_memory() is False
    keep_memory.cache_clear()
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert keep_memory() is False
