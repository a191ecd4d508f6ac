from __future__ import annotations

from datetime import datetime

import pytest

from workbench.errors import InputError
from workbench.sources.pacs.hours import parse_hours


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("20:00-06:00", ["20:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "19:59"]),
        ("8-17:30", ["08:00", "17:29"], ["17:30", "07:59", "00:00"]),
        ("22-24", ["22:00", "23:59"], ["00:00", "21:59"]),
    ],
)
def test_hours(text: str, inside: list[str], outside: list[str]):
    hours = parse_hours(text)
    assert hours is not None
    assert all(hours.holds(datetime.fromisoformat(f"2024-01-01T{moment}")) for moment in inside)
    assert not any(hours.holds(datetime.fromisoformat(f"2024-01-01T{moment}")) for moment in outside)


def test_no_hours_are_no_limit():
    assert parse_hours("") is None and parse_hours("  ") is None


@pytest.mark.parametrize("text", ["night", "8", "8-8", "25-6", "8:70-9"])
def test_what_are_no_hours(text: str):
    with pytest.raises(InputError, match="hours"):
        parse_hours(text)
