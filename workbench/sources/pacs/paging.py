"""All answers of a search that comes in pages, from servers that page well, badly or not at all.

A page shorter than asked for is not trusted to be the last: some servers cap their pages below what was asked. Only an
empty page, or one with nothing new, ends the search. A server that ignores the offset repeats its first page; then the
search is asked again for halves of its range of dates, until each brings fewer than the server can show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

from workbench.sources.pacs.archive import THIS, ArchiveProblem

T = TypeVar("T")


@dataclass
class Pages(Generic[T]):
    """Answers by their key, in order.

    Attributes:
        items: What was found.
        cut: Whether more may be there that the server does not show.
    """

    items: dict[str, T]
    cut: bool = False


def all_pages(
    ask: Callable[[int, int], Sequence[T]],
    key: Callable[[T], str],
    *,
    limit: int,
    enough: Callable[[Collection[T]], bool] = lambda found: False,
) -> Pages[T]:
    """Ask for page after page.

    Args:
        ask: Answers ``(limit, offset)``. A refusal of a later page means an offset behind the last answer.
        key: What tells two answers apart.
        limit: Answers to ask for at once.
        enough: Tells from the answers so far that no more are wanted, or that there are no more.

    Raises:
        ArchiveProblem: The first page was refused, or the server failed in between.
    """
    found: dict[str, T] = {}
    offset = 0
    while True:
        try:
            page = ask(limit, offset)
        except ArchiveProblem as problem:
            if not offset or problem.scope != THIS:
                raise
            return Pages(found)
        new = {key(item): item for item in page if key(item) not in found}
        if not new:
            return Pages(found, cut=bool(page))
        found |= new
        if enough(found.values()):
            return Pages(found)
        offset += len(page)


def over_dates(
    ask: Callable[[date | None, date | None], Pages[T]], first: date | None, last: date | None, *, earliest: date
) -> Pages[T]:
    """Ask for a range of dates, and for halves of it as long as answers are cut.

    Args:
        ask: Answers a range, both ends inclusive; None for an open end.
        first, last: The range wanted.
        earliest: Where halving begins for a range without a start.

    Returns:
        All answers; ``cut`` where those of a single day are, so that there may be more.
    """
    whole = ask(first, last)
    if not whole.cut:
        return whole
    most = len(whole.items)  # the server can show so many: a narrower range with fewer is complete
    doubtful = False
    waiting = [(first or earliest, last or date.today())]
    while waiting:
        start, end = waiting.pop()
        if start >= end:
            doubtful = True
            continue
        middle = start + timedelta(days=(end - start).days // 2)
        for span in ((start, middle), (middle + timedelta(days=1), end)):
            answer = ask(*span)
            whole.items |= answer.items
            if answer.cut and len(answer.items) >= most:
                waiting.append(span)
    return Pages(whole.items, doubtful)
