"""``workbench index``: walk folders, archives and DICOMDIRs into a cohort; every file gets one outcome."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, SerializerFunctionWrapHandler, model_serializer

from workbench.cohort import outcome_words
from workbench.cohort.indexing import Indexed, index_sources
from workbench.cohort.intake import headline, notes
from workbench.config import Result, Settings
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.store.settings import StoreSettings
from workbench.store.sink import StoreSink
from workbench.verbs.prepare import PrepareResult, PrepareSettings, prepare


class IndexSettings(Settings):
    """What to index, and into which cohort."""

    sources: list[Path] = Field(description="Folders, DICOM files, zip or tar archives, DICOMDIR files.")
    cohort: str = Field(description="Name of the cohort; further sources grow a cohort that exists.")
    test_share: float = Field(0.25, ge=0, lt=1, description="Share of the patient groups set aside as test, 0 to 1.")
    split_seed: int = Field(0, ge=0, description="Another seed sets other groups aside.")
    site: str = Field("", description="Name of the site that these sources come from; no patient's name.")
    prepare: int | None = Field(
        None, ge=8, le=4096, description="Also make the store of this size, pixels, so that each file is decoded once."
    )
    engine: str = Field("local", description="Where files are read: local processes, or a ray cluster.")
    workers: int = Field(0, ge=0, description="Processes; 0 for one per core.")
    slow_s: float = Field(120.0, gt=0, description="Seconds after which a file is given up as too_slow.")


class IndexResult(Result):
    """Totals of the cohort: ``seen`` is always ``used`` + ``refused``; and the store, where one was asked for."""

    seen: int
    used: int
    refused: int
    scans: int
    series: int
    volumes: int
    patients: int
    outcomes: dict[str, int]
    store: PrepareResult | None = None
    _text: str = PrivateAttr("")

    @model_serializer(mode="wrap")
    def _without_what_was_not_asked_for(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content = handler(self)
        return content if self.store else {name: value for name, value in content.items() if name != "store"}

    @property
    def exit_code(self) -> int:
        """2 where not a single file could be used."""
        return 0 if self.used else 2

    def summary(self) -> str:
        """The top line, the totals, what needs a look, and where the report lies."""
        return self._text


def index(settings: IndexSettings, *, workspace: Workspace, progress: Progress | None = None) -> IndexResult:
    """Index the sources; an unchanged file is not read again, and a killed index goes on where it stopped.

    With ``prepare`` the frames that are decoded for the index fill the store as well; ``store`` of the result is what
    'workbench prepare' would say, but that its time is that of the whole.

    Raises:
        InputError: A source is absent, or settings do not fit the cohort that is there.
        OperationFailed: Another index works on the cohort, or the store cannot be written.
    """
    progress, began = progress or Progress(quiet=True), time.monotonic()
    given = settings.model_fields_set
    folder = workspace.cohort_dir(settings.cohort)
    sink = _sink(settings, workspace)
    done = index_sources(
        settings.sources,
        folder,
        words=outcome_words,
        progress=progress,
        site=settings.site,
        test_share=settings.test_share if "test_share" in given else None,
        split_seed=settings.split_seed if "split_seed" in given else None,
        engine=settings.engine,
        workers=settings.workers,
        slow_s=settings.slow_s,
        sink=sink,
    )
    totals = done.numbers["totals"]
    names = ("seen", "used", "refused", "scans", "series", "volumes", "patients", "outcomes")
    result = IndexResult(**{name: totals[name] for name in names})
    result._text = _summary(settings, done, folder)
    if sink and result.used:
        fields = ("cohort", "engine", "workers")
        asked = PrepareSettings(**dict(_stored(settings)), **{name: getattr(settings, name) for name in fields})
        result.store = prepare(asked, workspace=workspace, progress=progress, began=began)
        result._text += f"\n{result.store.summary()}"
    return result


def _sink(settings: IndexSettings, workspace: Workspace) -> StoreSink | None:
    return StoreSink.begin(settings.cohort, _stored(settings), workspace) if settings.prepare else None


def _stored(settings: IndexSettings) -> StoreSettings:
    assert settings.prepare is not None
    return StoreSettings(size=settings.prepare)


def _summary(settings: IndexSettings, done: Indexed, folder: Path) -> str:
    totals = done.numbers["totals"]
    lines = [headline(done.numbers)]
    lines.append(f"{totals['seen']:,} files seen = {totals['used']:,} used + {totals['refused']:,} refused.")
    for code, number in sorted(totals["outcomes"].items(), key=lambda item: (-item[1], item[0])):
        state = "used" if outcome_words.is_used(code) else "refused"
        lines.append(f"  {number:>9,}  {code} ({state}): {outcome_words.sentence(code)}")
    if totals["member_seen"]:
        lines.append(
            f"Inside archives: {totals['member_seen']:,} files = {totals['member_used']:,} used "
            f"+ {totals['member_refused']:,} refused."
        )
    lines.append(
        f"Test set: {done.numbers['test_patients']:,} of {totals['patients']:,} patients are set aside, for good."
    )
    lines += notes(done.numbers)
    if not totals["used"]:
        lines.append("No file could be used. What to do: look into refused.csv, and check that the sources are right.")
    lines.append("Nothing had changed since the last index." if done.unchanged else f"{done.read:,} files were read.")
    lines.append(f"Report: {folder / 'intake.html'}")
    following = "" if settings.prepare else f", or workbench prepare {settings.cohort}"
    lines.append(f"Next: workbench label {settings.cohort} LABELS.csv{following}")
    return "\n".join(lines)
