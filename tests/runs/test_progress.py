import io
import itertools

import pytest

from workbench.runs import progress as module
from workbench.runs.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100.0, 2.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    shown = Progress(quiet=True)
    for step in (0, 20, 40):
        shown.progress(step, 100, "scans", loss=0.5)
    assert shown.throughput == 10.0
    assert shown.time_left_s == 6.0
    assert shown.line() == "  40 of 100 scans (40 %) · 10 scans/s · 6 s left · loss 0.5"


def test_the_rate_is_unknown_at_first_and_starts_anew_with_another_unit() -> None:
    shown = Progress(quiet=True)
    shown.progress(1, 10, "files")
    assert shown.throughput is None
    assert shown.time_left_s is None
    assert shown.line() == "  1 of 10 files (10 %)"
    shown.progress(2, 10, "files")
    shown.progress(0, 10, "scans")
    assert shown.throughput is None


def test_lines_go_to_the_stream_and_quiet_is_silent() -> None:
    stream, silent = io.StringIO(), io.StringIO()
    Progress(stream=stream).progress(10, 10, "files")
    Progress(stream=stream).log("Done.")
    Progress(stream=silent, quiet=True).progress(10, 10, "files")
    Progress(stream=silent, quiet=True).log("Done.")
    assert stream.getvalue() == "  10 of 10 files (100 %)\nDone.\n"
    assert silent.getvalue() == ""


def test_the_rate_stands_while_a_long_step_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of minutes each, told of every few seconds: the time left is that of whole trainings."""
    clock = iter([*range(0, 600, 5)])
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    shown = Progress(quiet=True)
    for second in range(0, 320, 5):
        shown.progress(second // 100, 10, "trainings")
    assert shown.throughput == pytest.approx(1 / 100)
    assert shown.time_left_s == pytest.approx(700)
