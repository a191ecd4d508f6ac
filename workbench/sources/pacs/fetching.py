"""A fetch: find studies, ask for their series, bring what is not here, count, and give an account."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from workbench.errors import OperationFailed
from workbench.runs.progress import Progress
from workbench.sources.pacs.archive import AGAIN, ALL, Archive, ArchiveProblem, FoundSeries, FoundStudy
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.hours import Hours
from workbench.sources.pacs.landing import Landing, Stopped
from workbench.sources.pacs.query import Query
from workbench.sources.pacs.series_fetch import SeriesFetch, SeriesResult
from workbench.sources.pacs.threads import in_threads
from workbench.sources.pacs.watermark import FAILED, PLANNED, SHORT, Watermark

GIVE_UP_AFTER = 3
HOURS_LOOK_S = 5.0


@dataclass
class Account:
    """What was asked and what came: ``asked + extra = received + already + missing``.

    Attributes:
        studies: Studies that fit.
        unchanged: Of these, complete before and with the same number of instances now.
        series: Series that were asked for.
        asked: Instances that the server has of them.
        already, received, missing: Of these, here before; new; still wanted.
        extra: Instances here beyond what the server names.
        bytes: Received.
        outcomes: Series by outcome; ``planned`` where nothing was tried.
        left_out: Studies and series that do not fit, by reason.
        notes: Sentences for people.
        stopped: Whether somebody asked to stop.
    """

    studies: int = 0
    unchanged: int = 0
    series: int = 0
    asked: int = 0
    already: int = 0
    received: int = 0
    missing: int = 0
    extra: int = 0
    bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False

    def add(self, outcome: str, asked: int | None, here: int) -> None:
        """Count a series; ``already`` holds all that is here until ``close`` tells how much of it is new."""
        asked = here if asked is None else asked
        self.series += 1
        self.outcomes[outcome] += 1
        self.asked += asked
        self.already += here
        self.missing += max(asked - here, 0)
        self.extra += max(here - asked, 0)

    def close(self, received: int, received_bytes: int) -> None:
        """Tell what was here from what has come."""
        self.received, self.bytes = received, received_bytes
        self.already -= received


class Fetch:
    """Brings what a query wants from an archive to a landing. To be run once.

    Args:
        archive: Where from.
        query: What.
        landing: Where to.
        watermark: The table of what was asked and came before.
        backoff: How often to try again.
        progress: Told of instances and bytes.
        hours: When pictures may be asked for.
        recheck: Look at every study again, also where the server's number is as it was.
    """

    def __init__(
        self,
        archive: Archive,
        query: Query,
        landing: Landing,
        watermark: Watermark,
        *,
        backoff: Backoff,
        progress: Progress,
        hours: Hours | None = None,
        recheck: bool = False,
    ) -> None:
        self._archive, self._query, self._landing, self._watermark = archive, query, landing, watermark
        self._backoff, self._progress, self._hours, self._recheck = backoff, progress, hours, recheck
        self.account = Account()
        self._left: dict[tuple[str, str], FoundSeries] = {}
        self._in_a_row = self._hidden_studies = 0
        self._expected = self._settled = 0

    @property
    def _stop(self) -> threading.Event:
        return self._landing.stop

    def run(self, *, count_only: bool = False) -> Account:
        """Do it; with ``count_only``, stop short of retrieving.

        Raises:
            ArchiveProblem: The server cannot be worked with. What came is here and in the table.
            OperationFailed: What arrives cannot be written.
        """
        try:
            self._plan(self._find())
            if not count_only:
                self._retrieve()
        except Stopped:
            self.account.stopped = True
        except sqlite3.Error as error:
            raise OperationFailed(
                "The table of what was fetched cannot be written.",
                where=self._watermark.file,
                todo="Free some space, and run the same command again: what is here is kept.",
            ) from error
        finally:
            self._stop.set()
            for series in self._left.values():
                self.account.add(PLANNED, series.instances, self._landing.count(series))
            self.account.close(self._landing.tally.instances, self._landing.tally.bytes)
        return self.account

    def _find(self) -> list[FoundStudy]:
        self._progress.log(f"Asking {self._archive.where} for studies.")
        answer = self._backoff.call(lambda: self._archive.find_studies(self._query), self._stop)
        self.account.notes += answer.notes
        wanted = []
        for study in answer.studies.values():
            reason = self._query.why_not_study(study)
            if reason:
                self.account.left_out[f"studies: {reason}"] += 1
            else:
                wanted.append(study)
        self.account.studies = len(wanted)
        return wanted

    def _plan(self, studies: list[FoundStudy]) -> None:
        """Ask for the series of every study that is new or has changed."""
        wanted = self._query.series_digest
        changed = self._watermark.changed(studies, wanted)
        if self._recheck:
            changed = studies
        self.account.unchanged = len(studies) - len(changed)
        asked = 0

        def done(study: FoundStudy, series: list[FoundSeries] | ArchiveProblem) -> None:
            nonlocal asked
            asked += 1
            if isinstance(series, ArchiveProblem):
                self._lose(study, series)
            else:
                self._in_a_row = 0
                self._choose(study, series, wanted)
            self._progress.progress(asked, len(changed), "studies listed")

        self._in_threads(self._series_of, changed, done, self._look)
        if self._hidden_studies:
            self.account.notes.append(
                f"For {self._hidden_studies:,} studies the server names more instances than for their series together: "
                "some of their series are hidden from us."
            )

    def _series_of(self, study: FoundStudy) -> list[FoundSeries] | ArchiveProblem:
        try:
            return list(self._backoff.call(lambda: self._archive.find_series(study), self._stop))
        except ArchiveProblem as problem:
            if problem.scope == ALL:
                raise
            return problem

    def _choose(self, study: FoundStudy, series: list[FoundSeries], wanted: str) -> None:
        chosen = []
        for one in series:
            reason = self._query.why_not_series(study, one)
            if reason:
                self.account.left_out[f"series: {reason}"] += 1
            else:
                chosen.append(one)
        self._watermark.plan(study, wanted, chosen)
        hidden = _hidden(study, series)
        if hidden and not self._query.chooses_series:
            detail = f"the server names {hidden:,} more instances for the study than for its series together"
            self._settle(self._nameless(study, SHORT, hidden, detail))
        elif hidden:
            self._hidden_studies += 1
        elif not chosen:
            self._watermark.settle_empty(study)
        self._left |= {(one.study_uid, one.uid): one for one in chosen}

    def _lose(self, study: FoundStudy, problem: ArchiveProblem) -> None:
        """Note a study whose series cannot be listed."""
        self._watermark.plan(study, self._query.series_digest, [])
        detail = f"its series cannot be listed. {problem.what}"
        result = self._nameless(study, FAILED, study.instances, detail)
        result.unreachable = problem.scope == AGAIN
        self._settle(result)

    def _nameless(self, study: FoundStudy, outcome: str, asked: int | None, detail: str) -> SeriesResult:
        """What a study lacks beyond the series that are known, as a series without a name."""
        series = FoundSeries(study.uid, "", instances=asked)
        self._watermark.add(series)
        return SeriesResult(series, asked, 0, outcome, detail)

    def _retrieve(self) -> None:
        waiting = list(self._left.values())
        self._expected = sum(series.instances or 0 for series in waiting)

        def done(series: FoundSeries, result: SeriesResult) -> None:
            del self._left[series.study_uid, series.uid]
            self._settle(result)

        def fetch(series: FoundSeries) -> SeriesResult:
            return SeriesFetch(self._archive, series, self._landing, self._backoff).run()

        self._in_threads(fetch, self._when_allowed(waiting), done, self._look_at_arrivals)

    def _when_allowed(self, waiting: list[FoundSeries]) -> Iterator[FoundSeries]:
        for series in waiting:
            while self._hours is not None and not self._hours.holds(datetime.now()):
                self._look()
                self._stop.wait(HOURS_LOOK_S)
            yield series

    def _settle(self, result: SeriesResult) -> None:
        self._watermark.settle(
            result.series,
            asked=result.asked,
            here=result.here,
            outcome=result.outcome,
            detail=result.detail,
            missing=result.missing,
        )
        self.account.add(result.outcome, result.asked, result.here)
        self._settled += result.here
        self._in_a_row = self._in_a_row + 1 if result.unreachable else 0
        if self._in_a_row >= GIVE_UP_AFTER:
            raise ArchiveProblem(
                f"The server has failed {self._in_a_row} times in a row, with several tries each.",
                where=self._archive.where,
                todo="See whether it is up, then run the same command again: what arrived whole is kept.",
                scope=ALL,
            )

    def _in_threads(self, work, items, done, look) -> None:
        in_threads(work, items, self._archive.connections, stop=self._stop, done=done, look=look)

    def _look(self) -> None:
        if self._progress.stop_requested():
            raise Stopped

    def _look_at_arrivals(self) -> None:
        self._look()
        tally = self._landing.tally
        here = max(self._settled, tally.instances)
        self._progress.progress(here, max(self._expected, here), "instances", received=megabytes(tally.bytes))


def _hidden(study: FoundStudy, series: list[FoundSeries]) -> int:
    """How many instances a study has beyond those of the series that the server lists; 0 where it cannot be told."""
    numbers = [one.instances for one in series]
    if study.instances is None or None in numbers:
        return 0
    return max(0, study.instances - sum(number or 0 for number in numbers))


def megabytes(number: int) -> str:
    """Bytes in words: ``12.3 MB``, ``4.56 GB``."""
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
