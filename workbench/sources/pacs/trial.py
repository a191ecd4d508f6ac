"""A first walk with a PACS: is it there, does it find a study, does one series of it arrive; each in a sentence."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.sources.pacs.archive import Archive, FoundSeries
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.query import Query
from workbench.sources.pacs.series_fetch import SeriesFetch
from workbench.sources.pacs.watermark import COMPLETE

LOOK_AT = 20
TRY_STUDIES = 3
STEPS = ("Echo", "Find one study", "Move one study")


@dataclass(frozen=True)
class Step:
    """One step of the walk.

    Attributes:
        name: One of ``STEPS``.
        outcome: ``ok``, ``failed`` or ``not tried``.
        sentence: What happened, and what to do.
    """

    name: str
    outcome: str
    sentence: str


class Trial:
    """Walks Echo, Find one study, Move one study; the smallest study among the first that the query finds.

    Args:
        archive: The PACS.
        query: What is wanted.
        landing: A folder to throw away afterwards.
    """

    def __init__(self, archive: Archive, query: Query, landing: Landing) -> None:
        self._archive, self._query, self._landing = archive, query, landing
        self._chosen: list[list[FoundSeries]] = []

    def walk(self) -> list[Step]:
        """Take the steps; the first that fails is the last that is tried."""
        steps: list[Step] = []
        for name, work in zip(STEPS, (self._archive.echo, self._find, self._move), strict=True):
            if steps and steps[-1].outcome != "ok":
                steps.append(Step(name, "not tried", "The step before has to work first."))
                continue
            try:
                steps.append(Step(name, "ok", work()))
            except WorkbenchError as error:
                steps.append(Step(name, "failed", str(error)))
        return steps

    def _find(self) -> str:
        answer = self._archive.find_studies(self._query, LOOK_AT)
        fitting = [study for study in answer.studies.values() if not self._query.why_not_study(study)]
        if not fitting:
            seen = f" (it answered {len(answer.studies):,} that do not fit)" if answer.studies else ""
            raise WorkbenchError(
                f"The server finds no study that fits{seen}.",
                where=self._archive.where,
                todo="Ask for less: leave out filters one by one. "
                "If nothing is found without any, our account or AE title may not be allowed to search.",
            )
        numbers = []
        for study in sorted(fitting, key=lambda study: study.instances or sys.maxsize):
            series = [one for one in self._archive.find_series(study) if not self._query.why_not_series(study, one)]
            if series:
                self._chosen.append(series)
                numbers.append(study.instances)
            if len(self._chosen) == TRY_STUDIES:
                break
        if not self._chosen:
            raise WorkbenchError(
                f"Of the first {len(fitting):,} studies, none has a series that fits.",
                where=self._archive.where,
                todo="Ask for less: leave out description or station.",
            )
        size = (
            "their numbers of instances are not told"
            if numbers[0] is None
            else (f"the smallest has {numbers[0]:,} instances")
        )
        return f"{len(fitting):,} studies that fit were looked at; {size}."

    def _move(self) -> str:
        """Bring the smallest study; another one where that does not come, for single studies can be broken."""
        problem = WorkbenchError("Nothing was chosen.")
        for series in self._chosen:
            try:
                return self._bring(series)
            except WorkbenchError as error:
                problem = error
        raise problem

    def _bring(self, chosen: list[FoundSeries]) -> str:
        came = asked = 0
        for series in chosen:
            result = SeriesFetch(self._archive, series, self._landing, Backoff(retries=1)).run()
            came += result.here
            asked += result.here if result.asked is None else result.asked
            if result.outcome != COMPLETE:
                raise WorkbenchError(
                    f"The study did not come whole: {result.detail.rstrip('.')}.",
                    where=self._archive.where,
                    todo=self._archive.advice,
                )
        size = self._landing.tally.bytes
        return f"{came:,} of {asked:,} instances came, {size:,} bytes; they were thrown away again."
