import os
import signal

import pytest

from workbench.errors import InputError
from workbench.runs.engine import map_tasks
from workbench.runs.progress import duration


def double(value: int) -> int:
    return 2 * value


def fail_on_three(value: int) -> int:
    if value == 3:
        raise InputError("three is wrong")
    return value


def die_on_three(value: int) -> int:
    if value == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def test_every_item_comes_back_once_with_its_place() -> None:
    results = {result.index: result.value for result in map_tasks(double, range(20), workers=2)}
    assert results == {index: 2 * index for index in range(20)}


def test_an_exception_is_that_tasks_error_and_the_rest_goes_on() -> None:
    results = {result.index: (result.value, result.error) for result in map_tasks(fail_on_three, range(6), workers=2)}
    assert results[3] == (None, "three is wrong")
    assert [results[index][0] for index in (0, 1, 2, 4, 5)] == [0, 1, 2, 4, 5]


def test_a_killed_worker_costs_one_task() -> None:
    results = {result.index: (result.value, result.error) for result in map_tasks(die_on_three, range(8), workers=2)}
    assert sorted(results) == list(range(8))
    assert [index for index, (_, error) in results.items() if error] == [3]
    assert "died" in str(results[3][1])


def threads_of(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


@pytest.mark.parametrize(("count", "told"), [(3, "3"), (0, "7")])
def test_threads_are_limited_unless_left_alone(count: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (result,) = map_tasks(threads_of, [0], workers=1, threads_per_worker=count)
    assert result.value == told
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_items_are_taken_as_needed() -> None:
    taken = []

    def source():
        for value in range(1000):
            taken.append(value)
            yield value

    tasks = map_tasks(double, source(), workers=2)
    next(tasks)
    assert len(taken) < 20
    tasks.close()


def test_unknown_engine_is_named() -> None:
    with pytest.raises(InputError, match="Unknown engine 'spark'"):
        list(map_tasks(double, [1], engine="spark"))


@pytest.mark.slow
def test_ray_gives_the_same_as_local_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    items = [45, 200, "not a number"]
    at_sigterm = signal.getsignal(signal.SIGTERM)
    found = [
        {result.index: (result.value, bool(result.error)) for result in map_tasks(duration, items, engine=engine)}
        for engine in ("local", "ray")
    ]
    assert found[0] == found[1] == {0: ("45 s", False), 1: ("3 min 20 s", False), 2: (None, True)}
    assert signal.getsignal(signal.SIGTERM) == at_sigterm, "a stop must still be heard"
