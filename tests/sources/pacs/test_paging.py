from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.sources.pacs.archive import AGAIN, THIS, ArchiveProblem
from workbench.sources.pacs.paging import Pages, all_pages, over_dates

EARLIEST = date(1970, 1, 1)


@given(st.integers(0, 40), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.booleans())
def test_everything_is_found_and_asking_ends(size: int, limit: int, cap: int, refuses: bool, repeats_last: bool):
    everything = [f"{number}" for number in range(size)]
    asked = []

    def ask(limit: int, offset: int) -> list[str]:
        asked.append(offset)
        if offset >= size and offset and refuses:
            raise ArchiveProblem("past the end", scope=THIS)
        if offset >= size and offset and repeats_last:
            return everything[-1:]
        return everything[offset : offset + min(limit, cap)]

    pages = all_pages(ask, str, limit=limit)
    assert list(pages.items) == everything
    assert len(asked) <= size + 2


@given(st.integers(1, 40), st.integers(1, 20))
def test_a_server_that_ignores_the_offset_is_asked_twice(size: int, cap: int):
    asked = []

    def ask(limit: int, offset: int) -> list[str]:
        asked.append(offset)
        return [f"{number}" for number in range(min(size, cap))]

    pages = all_pages(ask, str, limit=200)
    assert len(pages.items) == min(size, cap) and pages.cut and len(asked) == 2


def test_a_failure_in_between_is_not_taken_for_the_end():
    def ask(limit: int, offset: int) -> list[str]:
        if offset:
            raise ArchiveProblem("busy", scope=AGAIN)
        return ["a"]

    with pytest.raises(ArchiveProblem, match="busy"):
        all_pages(ask, str, limit=1)


def test_a_first_page_that_is_refused_is_told():
    def ask(limit: int, offset: int) -> list[str]:
        raise ArchiveProblem("no", scope=THIS)

    with pytest.raises(ArchiveProblem, match="no"):
        all_pages(ask, str, limit=1)


def test_enough_is_enough():
    pages = all_pages(
        lambda limit, offset: [f"{offset + one}" for one in range(limit)],
        str,
        limit=5,
        enough=lambda found: len(found) > 6,
    )
    assert len(pages.items) == 10 and not pages.cut


@given(st.lists(st.integers(0, 400), max_size=40), st.integers(1, 8))
def test_narrower_dates_bring_everything_that_a_capped_server_holds(days: list[int], cap: int):
    """The server shows the first ``cap`` studies of a range; days with more than that cannot be shown whole."""
    start = date(2024, 1, 1)
    studies = {f"{place}": start + timedelta(days=day) for place, day in enumerate(days)}

    def ask(first: date | None, last: date | None) -> Pages[date]:
        found = {k: day for k, day in studies.items() if (not first or day >= first) and (not last or day <= last)}
        return Pages(dict(list(found.items())[:cap]), cut=bool(found))

    pages = over_dates(ask, start, start + timedelta(days=400), earliest=EARLIEST)
    crowded = {day for day in studies.values() if list(studies.values()).count(day) > cap}
    assert {key for key, day in studies.items() if day not in crowded} <= set(pages.items)
    if crowded:
        assert pages.cut
    elif not pages.cut:
        assert pages.items == studies


def test_open_ranges_are_halved_from_the_earliest_day_to_today():
    spans = []

    def ask(first: date | None, last: date | None) -> Pages[int]:
        spans.append((first, last))
        return Pages({"a": 1, "b": 2} if first is None else {}, cut=first is None)

    pages = over_dates(ask, None, None, earliest=EARLIEST)
    assert pages.items == {"a": 1, "b": 2} and not pages.cut
    assert spans[0] == (None, None) and spans[1][0] == EARLIEST and spans[2][1] == date.today()
