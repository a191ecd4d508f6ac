"""What is wanted from a PACS, and whether an answer fits it.

Servers differ in what they match (PS3.4 C.2.2.2, PS3.18 8.3.4): some ignore a key that they do not know and answer
with everything. So every answer is checked here again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from workbench.config import digest_of
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.sources.pacs.archive import FoundSeries, FoundStudy

EARLIEST = date(1970, 1, 1)


@dataclass(frozen=True)
class Query:
    """Which series are wanted; an empty field asks for nothing in particular.

    Attributes:
        modalities: Codes of (0008,0060), in capitals; any of them.
        first, last: Study dates, both inclusive.
        patients: Patient IDs, exact; any of them. Never shown and never kept.
        words: Of the study's or series' description, in lower case; any of them.
        stations: Station names, in lower case; any of them.
    """

    modalities: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    patients: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()

    def __repr__(self) -> str:
        dates = date_range(self.first, self.last) or "any"
        return f"Query({self.modalities}, dates {dates}, {len(self.patients)} patients)"

    @property
    def chooses_series(self) -> bool:
        """Whether some series of a study may not be wanted."""
        return bool(self.modalities or self.words or self.stations)

    @property
    def series_digest(self) -> str:
        """Changes when other series of the same study would be wanted."""
        return digest_of([sorted(self.modalities), sorted(self.words), sorted(self.stations)])

    def why_not_study(self, study: FoundStudy) -> str:
        """Why a study that the server named is not wanted, in words; empty when it is, or cannot be told yet."""
        if self.patients and study.patient_id.strip() not in self.patients:
            return "another patient"
        if (self.first or self.last) and not self._within(study.date):
            return "another date" if study.date else "no study date"
        if self.modalities and study.modalities and not set(study.modalities) & set(self.modalities):
            return "another modality"
        return ""

    def why_not_series(self, study: FoundStudy, series: FoundSeries) -> str:
        """Why a series is not wanted, in words; empty when it is."""
        if self.modalities and series.modality not in self.modalities:
            return "another modality" if series.modality else "the server does not tell its modality"
        if self.words:
            text = f"{study.description} {series.description}".lower()
            if not any(word in text for word in self.words):
                return "none of the words in its description"
        if self.stations:
            if series.station is None:
                return "the server does not tell its station"
            if series.station.strip().lower() not in self.stations:
                return "another station"
        return ""

    def _within(self, text: str) -> bool:
        found = read_date(text)
        if found is None:
            return False
        return (self.first is None or found >= self.first) and (self.last is None or found <= self.last)


def make_query(
    *,
    modalities: Iterable[str] = (),
    dates: str = "",
    days: int = 0,
    patients: Iterable[str] = (),
    words: Iterable[str] = (),
    stations: Iterable[str] = (),
    today: date | None = None,
) -> Query:
    """A query from settings.

    Args:
        modalities, patients, words, stations: As in ``Query``; blanks around them and capitals do not matter.
        dates: ``YYYYMMDD``, ``YYYYMMDD-YYYYMMDD``, ``YYYYMMDD-`` or ``-YYYYMMDD``.
        days: The last so many days, today among them; 0 for no such limit.
        today: For tests.

    Raises:
        InputError: A date is none, both ways of giving dates are used, or a patient ID holds a wildcard.
    """
    if dates and days:
        raise InputError("Both dates and days are given.", todo="Give one of them.")
    first, last = _read_range(dates) if dates else (None, None)
    if days:
        last = None
        first = (today or date.today()) - timedelta(days=days - 1)
    chosen = _clean(patients)
    if any(mark in patient for patient in chosen for mark in "*?\\"):
        raise InputError(
            "A patient ID holds '*', '?' or a backslash, which would ask for other patients too.",
            todo="List whole patient IDs.",
        )
    return Query(
        tuple(word.upper() for word in _clean(modalities)),
        first,
        last,
        tuple(chosen),
        tuple(word.lower() for word in _clean(words)),
        tuple(word.lower() for word in _clean(stations)),
    )


def _clean(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))


def _read_range(text: str) -> tuple[date | None, date | None]:
    start, dash, end = (part.strip() for part in text.partition("-"))
    first, last = read_date(start), read_date(end if dash else start)
    if (start and not first) or (end and not last) or not (first or last):
        raise InputError(f"'{text}' is no range of dates.", where="dates", todo="Write YYYYMMDD, or YYYYMMDD-YYYYMMDD.")
    if first and last and first > last:
        raise InputError(f"The range of dates '{text}' ends before it begins.", where="dates", todo="Swap them.")
    return first, last


def read_date(text: str) -> date | None:
    """A DICOM date (``YYYYMMDD``, or the old ``YYYY.MM.DD``), or None."""
    plain = text.strip().replace(".", "")
    if len(plain) != 8 or not plain.isdigit():
        return None
    try:
        return datetime.strptime(plain, "%Y%m%d").date()
    except ValueError:
        return None


def date_range(first: date | None, last: date | None) -> str:
    """The range as a matching key (PS3.4 C.2.2.2.5): ``20240101-20240131``; empty for any date."""
    if first is None and last is None:
        return ""
    if first == last and first is not None:
        return f"{first:%Y%m%d}"
    return f"{f'{first:%Y%m%d}' if first else ''}-{f'{last:%Y%m%d}' if last else ''}"
