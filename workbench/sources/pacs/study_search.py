"""A search for studies, split into requests that servers understand; the same for both ways of asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from workbench.sources.pacs.archive import Answer, FoundStudy
from workbench.sources.pacs.paging import Pages, over_dates
from workbench.sources.pacs.query import EARLIEST, Query, date_range


def search_studies(query: Query, ask: Callable[[dict[str, str]], Pages[FoundStudy]], most: int = 0) -> Answer:
    """Ask for every part of a query, narrowing the dates where the server does not show all.

    Args:
        query: What is wanted.
        ask: Answers matching keys (DICOM keyword to value); a study without a usable UID has the UID ``""``.
        most: Enough studies; 0 for all.
    """
    answer = Answer()
    nameless = cut = False
    for keys in _requests(query):

        def ask_dates(first: date | None, last: date | None, keys: dict[str, str] = keys) -> Pages[FoundStudy]:
            return ask(keys | ({"StudyDate": date_range(first, last)} if first or last else {}))

        pages = over_dates(ask_dates, query.first, query.last, earliest=EARLIEST)
        nameless = pages.items.pop("", None) is not None or nameless
        cut = pages.cut or cut
        answer.studies |= pages.items
        if most and len(answer.studies) >= most:
            break
    if cut:
        answer.notes.append(
            "The server shows only a part of its studies, even for a single day; some may be missing. "
            "What to do: ask for single patients or one modality, or have the server's limit raised."
        )
    if nameless:
        answer.notes.append("The server named studies without a usable Study Instance UID; they were left out.")
    return answer


def _requests(query: Query) -> list[dict[str, str]]:
    """Matching keys of each request: per patient where patients are named, else per modality.

    Lists of values in one key are left out: few servers match them.
    """
    if query.patients:
        return [{"PatientID": patient} for patient in query.patients]
    if query.modalities:
        return [{"ModalitiesInStudy": modality} for modality in query.modalities]
    return [{}]
