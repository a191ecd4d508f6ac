"""One series from the server to the disk: all at once, then instance by instance what did not come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.sources.pacs.archive import AGAIN, ALL, THIS, Archive, ArchiveProblem, FoundSeries
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.landing import Landing, Stopped
from workbench.sources.pacs.watermark import COMPLETE, FAILED, SHORT


@dataclass
class SeriesResult:
    """What became of a series.

    Attributes:
        series: Which.
        asked: Instances that the server has, or None where it does not tell.
        here: Instances that are here now.
        outcome: ``complete``, ``short`` or ``failed``.
        detail: Why, in words.
        missing: SOP Instance UIDs that the server lists and did not send.
        unreachable: Whether it failed for want of a connection, after all tries.
    """

    series: FoundSeries
    asked: int | None
    here: int
    outcome: str = COMPLETE
    detail: str = ""
    missing: list[str] = field(default_factory=list)
    unreachable: bool = False


class SeriesFetch:
    """Fetches one series.

    Args:
        archive: Where from.
        series: Which.
        landing: Where to.
        backoff: How often to try again; tries that brought something are not counted.
    """

    def __init__(self, archive: Archive, series: FoundSeries, landing: Landing, backoff: Backoff) -> None:
        self._archive = archive
        self._series = series
        self._landing = landing
        self._backoff = backoff
        self._asked = series.instances
        self._listed: Sequence[str] | None = None
        self._one_failed: ArchiveProblem | None = None

    def run(self) -> SeriesResult:
        """Fetch it.

        Raises:
            ArchiveProblem: Of scope ``all``: other series would fail too.
            OperationFailed: What arrives cannot be written.
            Stopped: Somebody asked to stop.
        """
        here = self._landing.count(self._series)
        problem = None
        one_by_one = here > 0
        tried = 0
        while not self._is_full(here):
            problem = self._try(one_by_one)
            now = self._landing.count(self._series)
            if now > here:
                tried = 0
            here = now
            if problem is not None and problem.scope == AGAIN:
                tried += 1
                if tried > self._backoff.retries:
                    break
                one_by_one = one_by_one or here > 0 or tried > 1
                if self._landing.stop.wait(self._backoff.wait_s(tried, problem.wait_s)):
                    raise Stopped from problem
            elif one_by_one:
                break
            else:
                one_by_one = True
        return self._result(here, problem or self._one_failed)

    def _is_full(self, here: int) -> bool:
        return self._asked is not None and here >= self._asked

    def _try(self, one_by_one: bool) -> ArchiveProblem | None:
        try:
            if one_by_one:
                self._fill_gaps()
            else:
                self._archive.retrieve_series(self._series, self._landing)
        except ArchiveProblem as problem:
            if problem.scope == ALL:
                raise
            return problem
        return None

    def _fill_gaps(self) -> None:
        self._one_failed = None
        self._listed = self._archive.find_instances(self._series)
        if self._asked is None:
            self._asked = len(self._listed)
        for sop_uid in self._gaps():
            try:
                self._archive.retrieve_instance(self._series, sop_uid, self._landing)
            except ArchiveProblem as problem:
                if problem.scope != THIS:
                    raise
                self._one_failed = problem

    def _gaps(self) -> list[str]:
        return [uid for uid in self._listed or () if not self._landing.path_of(self._series, uid).exists()]

    def _result(self, here: int, problem: ArchiveProblem | None) -> SeriesResult:
        result = SeriesResult(self._series, self._asked, here, missing=self._gaps())
        why = problem.what if problem is not None else ""
        result.unreachable = problem is not None and problem.scope == AGAIN
        if self._asked is None:
            result.outcome = COMPLETE if here and problem is None else FAILED
            result.detail = why or "the server tells no number to check against"
        elif here < self._asked:
            result.outcome = FAILED if problem is not None and not here else SHORT
            listed = f", lists {len(self._listed):,}" if self._listed is not None else ""
            result.detail = f"the server names {self._asked:,} instances{listed}; {here:,} are here. {why}".strip()
        elif here > self._asked:
            result.detail = f"{here:,} are here, more than the {self._asked:,} that the server names"
        return result
