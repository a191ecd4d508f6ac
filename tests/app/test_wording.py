from __future__ import annotations

from datetime import datetime

import pytest

from app.wording import about, clock, count, percent, rate, zone_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "less than a minute"),
        (70, "about 1 min"),
        (9 * 60, "about 9 min"),
        (12 * 60, "about 10 min"),
        (43 * 60, "about 45 min"),
        (59 * 60, "about 1 h"),
        (95 * 60, "about 1 h 30 min"),
        (7 * 3600, "about 7 h"),
        (72 * 3600, "about 3 days"),
    ],
)
def test_times_are_as_rough_as_they_are_known(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_clock_names_the_day_only_when_it_is_another() -> None:
    now = datetime(2026, 11, 22, 9, 0)
    assert clock(datetime(2026, 11, 22, 16, 20), now) == "16:20"
    assert clock(datetime(2026, 11, 23, 6, 5), now) == "Mon 06:05"
    assert clock(datetime(2026, 9, 1, 6, 5), now) == "01 Sep 2026, 06:05"


def test_numbers_have_their_nouns() -> None:
    assert count(1, "pictures") == "1 picture"
    assert count(1204, "pictures") == "1,204 pictures"
    assert rate(120.4, "pictures") == "120 pictures per second"
    assert rate(2.25, "pictures") == "2.2 pictures per second"
    assert rate(0.1, "cells") == "6 cells per minute"
    assert rate(0.005, "cells") == "18 cells per hour"


def test_shares_are_whole_only_when_they_are() -> None:
    assert [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)] == ["0 %", "1 %", "50 %", "99 %", "100 %"]


def test_an_unknown_time_zone_is_this_computers() -> None:
    assert zone_of("Nowhere/City") is None
    assert zone_of(None) is None
    assert str(zone_of("Europe/Vienna")) == "Europe/Vienna"
