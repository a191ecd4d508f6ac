"""What a PACS can be asked, whichever way it speaks; and how it fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workbench.errors import OperationFailed
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.query import Query

AGAIN = "again"
THIS = "this"
ALL = "all"
_UID = re.compile(r"[0-9.]{1,64}")


class ArchiveProblem(OperationFailed):
    """The server did not do what it was asked.

    Args:
        what, where, todo: As of every error; no identifier of a patient is among them.
        scope: ``again``: it may work later (no connection, busy); ``this``: only what was asked for is concerned;
            ``all``: nothing else will work either (login refused, AE title unknown).
        wait_s: How long the server asks to wait before the next try, seconds.
    """

    def __init__(self, what: str, *, where: object = "", todo: str = "", scope: str = THIS, wait_s: float = 0.0):
        super().__init__(what, where=where, todo=todo)
        self.scope = scope
        self.wait_s = wait_s


@dataclass(frozen=True)
class FoundStudy:
    """A study as the server names it; None and empty where it does not tell.

    Attributes:
        uid: Study Instance UID.
        instances: Number of Study Related Instances (0020,1208).
        date: Study Date.
        modalities: Modalities in Study.
        description, patient_id: Only to check filters; never shown or kept.
    """

    uid: str
    instances: int | None = None
    date: str = ""
    modalities: tuple[str, ...] = ()
    description: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)


@dataclass(frozen=True)
class FoundSeries:
    """A series as the server names it; None and empty where it does not tell.

    Attributes:
        study_uid, uid: Study and Series Instance UID.
        modality: Modality (0008,0060).
        instances: Number of Series Related Instances (0020,1209).
        description: Only to check filters; never shown or kept.
        station: Station Name (0008,1010).
    """

    study_uid: str
    uid: str
    modality: str = ""
    instances: int | None = None
    description: str = field(default="", repr=False)
    station: str | None = field(default=None, repr=False)


@dataclass
class Answer:
    """Studies that a search found, and what is doubtful about it.

    Attributes:
        studies: By Study Instance UID.
        notes: Sentences for people.
    """

    studies: dict[str, FoundStudy] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Archive(Protocol):
    """A PACS. Methods raise ``ArchiveProblem``; several threads may retrieve at once, up to ``connections``.

    Attributes:
        connections: Retrievals at once.
        where: Its address, for sentences.
        advice: What to look at where less comes than should.
    """

    connections: int
    where: str
    advice: str

    def echo(self) -> str:
        """Ask whether it is there; what it answered, in a sentence."""
        ...

    def find_studies(self, query: Query, most: int = 0) -> Answer:
        """Studies that may fit the query; no more are asked for once there are ``most`` (0: all)."""
        ...

    def find_series(self, study: FoundStudy) -> Sequence[FoundSeries]:
        """All series of a study."""
        ...

    def find_instances(self, series: FoundSeries) -> Sequence[str]:
        """SOP Instance UIDs of a series."""
        ...

    def retrieve_series(self, series: FoundSeries, landing: Landing) -> None:
        """Bring every instance of a series to the landing."""
        ...

    def retrieve_instance(self, series: FoundSeries, sop_uid: str, landing: Landing) -> None:
        """Bring one instance to the landing."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def is_uid(text: str) -> bool:
    """Whether ``text`` can be a UID, as servers write them: up to 64 digits and dots (PS3.5 9.1)."""
    return bool(_UID.fullmatch(text))
