"""``workbench fetch``: scans from a PACS into a folder that ``workbench index`` can take, counted and resumable."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, field_validator

from workbench.cohort.keys import SiteKey
from workbench.config import Result, Settings
from workbench.errors import OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.sources.pacs.address import CLASSIC, WEB, parse_address
from workbench.sources.pacs.archive import Archive
from workbench.sources.pacs.backoff import Backoff
from workbench.sources.pacs.connecting import Connection, connect
from workbench.sources.pacs.fetching import Account, Fetch, megabytes
from workbench.sources.pacs.hours import parse_hours
from workbench.sources.pacs.landing import Landing, Pace
from workbench.sources.pacs.patient_list import read_patient_list
from workbench.sources.pacs.query import Query, make_query
from workbench.sources.pacs.trial import Trial
from workbench.sources.pacs.watermark import Watermark


def _words(value: object) -> object:
    """``CT,MR`` as the list of its words."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_words)]


class FetchSettings(Settings):
    """From which PACS, what, and where to. Credentials are no settings: see the how-to page."""

    server: str = Field(
        description="https://HOST/PATH of a DICOMweb root, or dicoms://AETITLE@HOST:PORT of a classic PACS; "
        "http:// and dicom:// are not encrypted."
    )
    out: Path = Field(description="Folder to fetch into (files go to dicom/ in it); the same one next time goes on.")
    modality: Words = Field([], description="Modalities, such as CT,MR; any when empty.")
    dates: str = Field("", description="Study dates: YYYYMMDD, YYYYMMDD-YYYYMMDD, or with one end open.")
    days: int = Field(0, ge=0, description="Studies of the last so many days; 0 for no limit.")
    patients: Path | None = Field(None, description="File with one patient ID to a line; it is read and not kept.")
    description: Words = Field(
        [], description="Words, one of which the study's or series' description must hold; capitals do not matter."
    )
    station: Words = Field([], description="Station names of the scanners wanted; any when empty.")
    test: bool = Field(False, description="Only try: Echo, Find one study, Move one study, each told in a sentence.")
    count_only: bool = Field(False, description="Only count what would come.")
    recheck: bool = Field(False, description="Look again at studies that were complete before.")
    connections: int = Field(3, ge=1, le=8, description="Retrievals at once from a DICOMweb server; a classic PACS: 1.")
    page: int = Field(200, ge=1, description="Answers of a DICOMweb search to ask for at once.")
    timeout_s: float = Field(
        0.0, ge=0, description="Seconds that the server may be silent; 0 for 60 (DICOMweb) or 600 (classic)."
    )
    retries: int = Field(4, ge=0, description="Tries after the first, with growing waits.")
    backoff_s: float = Field(1.0, gt=0, description="Wait before the second try, seconds; it doubles from there.")
    max_mb_per_s: float = Field(0.0, ge=0, description="Most to receive, in 10^6 bytes per second; 0 for no limit.")
    hours: str = Field("", description="Hours in which pictures may be asked for, such as 20:00-06:00.")
    retrieve: Literal["move", "get"] = Field("move", description="Classic PACS: C-MOVE to this computer, or C-GET.")
    ae_title: str = Field("WORKBENCH", description="Classic PACS: our AE title, as registered there.")
    listen: str = Field(
        "", description="C-MOVE: ADDRESS:PORT of this computer, as registered; 127.0.0.1:11112 for a server on it."
    )
    ca_file: Path | None = Field(None, description="Certificates to trust (PEM) in place of the system's.")
    client_cert: Path | None = Field(None, description="Our own TLS certificate (PEM), where the server asks for one.")
    client_key: Path | None = Field(None, description="Its key (PEM, mode 0600), where it is not in the same file.")
    allow_plain_http: bool = Field(
        False, description="Allow http:// or dicom:// to another computer: everything crosses the network in clear."
    )

    @field_validator("server")
    @classmethod
    def _no_credentials(cls, value: str) -> str:
        parse_address(value)  # raises an error that does not quote what it found
        return value


class TrialStep(BaseModel):
    """One step of a test."""

    name: str
    outcome: str
    sentence: str


class FetchResult(Result):
    """What was asked and what came: ``asked + extra = received + already + missing`` instances."""

    server: str
    folder: str
    studies: int = 0
    unchanged: int = 0
    series: int = 0
    asked: int = 0
    received: int = 0
    already: int = 0
    missing: int = 0
    extra: int = 0
    bytes: int = 0
    outcomes: dict[str, int] = {}
    left_out: dict[str, int] = {}
    notes: list[str] = []
    stopped: bool = False
    steps: list[TrialStep] = []
    _text: str = PrivateAttr("")

    @property
    def exit_code(self) -> int:
        """1 where something that was asked for is not here, or a step of a test failed."""
        unfinished = any(outcome not in ("complete", "counted") for outcome in self.outcomes)
        return int(unfinished or self.stopped or any(step.outcome != "ok" for step in self.steps))

    def summary(self) -> str:
        """The account, or the steps of the test."""
        return self._text


def fetch(settings: FetchSettings, *, workspace: Workspace, progress: Progress | None = None) -> FetchResult:
    """Fetch scans from a PACS; what is there already is not fetched again, and a killed fetch goes on.

    Raises:
        InputError: A setting is wrong, an unencrypted address is not allowed, or the folder has another site key.
        OperationFailed: The server cannot be worked with, the disk is full, or another fetch works on the folder.
    """
    progress = progress or Progress(quiet=True)
    query = make_query(
        modalities=settings.modality,
        dates=settings.dates,
        days=settings.days,
        patients=read_patient_list(settings.patients) if settings.patients else (),
        words=settings.description,
        stations=settings.station,
    )
    hours = parse_hours(settings.hours)
    out = settings.out.expanduser().absolute()
    key = SiteKey.load()
    private = out / "private"
    _make_folders(out, private)
    with _locked(private / "fetch.lock"), connect(_connection(settings), progress) as archive:
        if settings.test:
            return _try(archive, query, private / "test", key, settings)
        landing = Landing(
            out / "dicom", private / "incoming", lambda kind, uid: key.uid(uid), pace=Pace(settings.max_mb_per_s)
        )
        with closing(Watermark(private / "fetch.sqlite", key.fingerprint)) as watermark:
            work = Fetch(
                archive,
                query,
                landing,
                watermark,
                backoff=Backoff(settings.retries, settings.backoff_s),
                progress=progress,
                hours=hours,
                recheck=settings.recheck,
            )
            try:
                account = work.run(count_only=settings.count_only)
            finally:
                watermark.write_lists(private)
    return _told(settings, archive.where, account, landing.folder, private)


def _connection(settings: FetchSettings) -> Connection:
    address = parse_address(settings.server)
    address.require_encryption(allow_plain=settings.allow_plain_http)
    usual = {WEB: 60.0, CLASSIC: 600.0}[address.kind]
    return Connection(
        address,
        connections=settings.connections,
        timeout_s=settings.timeout_s or usual,
        page=settings.page,
        method=settings.retrieve,
        ae_title=settings.ae_title,
        listen=settings.listen,
        ca_file=settings.ca_file,
        client_cert=settings.client_cert,
        client_key=settings.client_key,
    )


def _make_folders(out: Path, private: Path) -> None:
    try:
        if not out.exists():
            out.mkdir(parents=True, mode=0o700)
        private.mkdir(exist_ok=True, mode=0o700)
        private.chmod(0o700)
    except OSError as error:
        raise OperationFailed(
            f"The folder cannot be made ({error.strerror}).", where=out, todo="Choose another folder."
        ) from error


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OperationFailed(
                "Another fetch works on this folder.", where=file.parent.parent, todo="Wait until it has finished."
            ) from error
        yield


def _try(archive: Archive, query: Query, scratch: Path, key: SiteKey, settings: FetchSettings) -> FetchResult:
    try:
        landing = Landing(scratch / "dicom", scratch / "incoming", lambda kind, uid: key.uid(uid))
        steps = Trial(archive, query, landing).walk()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    told = [TrialStep(name=step.name, outcome=step.outcome, sentence=step.sentence) for step in steps]
    result = FetchResult(server=archive.where, folder=str(settings.out), steps=told)
    lines = [f"{step.name}: {step.outcome}. {step.sentence}" for step in steps]
    result._text = "\n".join(
        [*lines, "" if result.exit_code else "All three steps work. Next: the same without test=true."]
    )
    return result


def _told(settings: FetchSettings, where: str, account: Account, folder: Path, private: Path) -> FetchResult:
    outcomes = dict(account.outcomes)
    if settings.count_only and "planned" in outcomes:
        outcomes["counted"] = outcomes.pop("planned")
    result = FetchResult(
        server=where,
        folder=str(folder),
        studies=account.studies,
        unchanged=account.unchanged,
        series=account.series,
        asked=account.asked,
        received=account.received,
        already=account.already,
        missing=account.missing,
        extra=account.extra,
        bytes=account.bytes,
        outcomes=outcomes,
        left_out=dict(account.left_out),
        notes=account.notes,
        stopped=account.stopped,
    )
    result._text = "\n".join(_lines(result, settings, private))
    return result


def _lines(result: FetchResult, settings: FetchSettings, private: Path) -> list[str]:
    changed = result.studies - result.unchanged
    lines = [
        f"{result.studies:,} studies fit: {result.unchanged:,} unchanged since they were fetched, {changed:,} not."
    ]
    lines += [f"  {number:>9,}  left out, {reason}" for reason, number in sorted(result.left_out.items())]
    number = f"{result.asked:,} instances in {result.series:,} series"
    if settings.count_only:
        lines += [f"{number}: {result.already:,} are here, {result.missing:,} would come.", *result.notes]
        return [*lines, "Next: the same without count_only=true."]
    extra = f" ({result.extra:,} more than the server names)" if result.extra else ""
    lines.append(
        f"{number} were asked for: {result.received:,} received ({megabytes(result.bytes)}), "
        f"{result.already:,} already here, {result.missing:,} missing{extra}."
    )
    lines += [f"  {count:>9,}  series {outcome}" for outcome, count in sorted(result.outcomes.items())]
    lines += result.notes
    if result.exit_code:
        lines.append(
            f"Not everything is here. What to do: see {private / 'outcomes.csv'}, and run the same command again."
        )
    if result.stopped:
        lines.append("Stopped as asked; the same command goes on from here.")
    if result.received or result.already or result.unchanged:
        lines.append(f"Next: workbench index {result.folder} --cohort NAME")
    return lines
