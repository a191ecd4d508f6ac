"""A classic PACS: C-ECHO, C-FIND, then C-MOVE to our own storage service, or C-GET (PS3.4 A, C; PS3.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt

from workbench.sources.pacs.archive import AGAIN, ALL, Answer, ArchiveProblem, FoundSeries, FoundStudy, is_uid
from workbench.sources.pacs.association import Caller
from workbench.sources.pacs.get_contexts import get_contexts, usual_classes
from workbench.sources.pacs.landing import Landing
from workbench.sources.pacs.paging import Pages
from workbench.sources.pacs.query import Query
from workbench.sources.pacs.storage_service import Reception
from workbench.sources.pacs.study_search import search_studies

ECHO = UID("1.2.840.10008.1.1")
FIND, MOVE, GET = (UID(f"1.2.840.10008.5.1.4.1.2.2.{number}") for number in (1, 2, 3))
"""The Study Root Query/Retrieve Information Model (PS3.4 C.6.2)."""

SUCCESS, SOME_FAILED = 0x0000, 0xB000
PENDING = (0xFF00, 0xFF01)
OUT_OF_RESOURCES = range(0xA700, 0xA800)
DESTINATION_UNKNOWN = 0xA801
STUDY_KEYS = (
    "StudyDate",
    "ModalitiesInStudy",
    "StudyDescription",
    "PatientID",
    "StudyInstanceUID",
    "NumberOfStudyRelatedInstances",
)
SERIES_KEYS = ("Modality", "SeriesInstanceUID", "SeriesDescription", "StationName", "NumberOfSeriesRelatedInstances")


class ClassicArchive:
    """A PACS reached by DICOM messages, one operation at a time.

    Args:
        caller: Opens associations with it.
        reception: Takes what it sends.
        destination: AE title that C-MOVE sends to, ours; empty to use C-GET.
        listens_at: Where our storage service listens, for sentences.
    """

    connections = 1

    def __init__(self, caller: Caller, reception: Reception, *, destination: str = "", listens_at: str = "") -> None:
        self.where = str(caller.address)
        self._caller = caller
        self._reception = reception
        self._destination = destination
        self._listens_at = listens_at
        self.advice = (
            f"Is our AE title '{destination}' registered there with this computer's address and port ({listens_at}), "
            "and does the firewall let the server in? Its log says more."
            if destination
            else "Does the server offer C-GET to our AE title? Otherwise use retrieve=move."
        )

    def echo(self) -> str:
        """C-ECHO."""
        status = self._caller.association("echo", [build_context(ECHO)]).send_c_echo()
        self._answered(status)
        if status.Status != SUCCESS:
            raise self._problem(status, "C-ECHO")
        return f"{self.where} answers to C-ECHO."

    def find_studies(self, query: Query, most: int = 0) -> Answer:
        """C-FIND at STUDY level."""

        def ask(keys: dict[str, str]) -> Pages[FoundStudy]:
            rows, cut = self._find("STUDY", STUDY_KEYS, keys, most)
            studies = [_study(row) for row in rows]
            return Pages({study.uid: study for study in studies}, cut)

        return search_studies(query, ask, most)

    def find_series(self, study: FoundStudy) -> Sequence[FoundSeries]:
        """C-FIND at SERIES level."""
        rows, cut = self._find("SERIES", SERIES_KEYS, {"StudyInstanceUID": study.uid})
        found = {series.uid: series for series in (_series(row, study.uid) for row in rows)}
        self._refuse_cut(cut)
        found.pop("", None)
        return list(found.values())

    def find_instances(self, series: FoundSeries) -> Sequence[str]:
        """C-FIND at IMAGE level."""
        keys = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.uid}
        rows, cut = self._find("IMAGE", ("SOPInstanceUID",), keys)
        self._refuse_cut(cut)
        return list(dict.fromkeys(uid for uid in (_text(row, "SOPInstanceUID") for row in rows) if is_uid(uid)))

    def retrieve_series(self, series: FoundSeries, landing: Landing) -> None:
        """C-MOVE or C-GET at SERIES level."""
        self._retrieve("SERIES", series, landing)

    def retrieve_instance(self, series: FoundSeries, sop_uid: str, landing: Landing) -> None:
        """C-MOVE or C-GET at IMAGE level."""
        self._retrieve("IMAGE", series, landing, sop_uid)

    def close(self) -> None:
        """Release the associations."""
        self._caller.close()

    def _find(
        self, level: str, wanted: Sequence[str], keys: dict[str, str], most: int = 0
    ) -> tuple[list[Dataset], bool]:
        request = _request(level, dict.fromkeys(wanted, "") | keys)
        association = self._caller.association("find", [build_context(FIND)])
        rows: list[Dataset] = []
        for status, row in association.send_c_find(request, FIND):
            self._answered(status)
            if status.Status in PENDING:
                if row is not None:
                    rows.append(row)
                if most and len(rows) >= most:
                    self._caller.drop()
                    return rows, False
            elif status.Status in OUT_OF_RESOURCES and rows:
                return rows, True
            elif status.Status != SUCCESS:
                raise self._problem(status, "C-FIND")
        return rows, False

    def _refuse_cut(self, cut: bool) -> None:
        if cut:
            raise ArchiveProblem(
                "The server stops in the middle of its answer for lack of resources.",
                where=self.where,
                todo="Try again later, or have the server's limit of answers raised.",
                scope=AGAIN,
            )

    def _retrieve(self, level: str, series: FoundSeries, landing: Landing, sop_uid: str = "") -> None:
        keys = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.uid}
        request = _request(level, keys | ({"SOPInstanceUID": sop_uid} if sop_uid else {}))
        self._reception.expect(series, landing)
        try:
            status = self._move(request) if self._destination else self._get(request, series)
            self._reception.check()
            if status.Status not in (SUCCESS, SOME_FAILED):
                raise self._problem(status, self._operation)
            self._compare(status)
        finally:
            self._reception.expect(None, None)

    @property
    def _operation(self) -> str:
        return "C-MOVE" if self._destination else "C-GET"

    def _compare(self, status: Dataset) -> None:
        """What the server says that it sent, against what came."""
        sent, failed = (int(status.get(f"NumberOf{kind}Suboperations") or 0) for kind in ("Completed", "Failed"))
        if self._reception.refused:
            raise ArchiveProblem(
                f"The server sent {self._reception.refused:,} instances that were not asked for; they were refused.",
                where=self.where,
                todo="Tell its administrator.",
            )
        if failed:
            raise ArchiveProblem(
                f"The server could not send {failed:,} of {sent + failed:,} instances.",
                where=self.where,
                todo=self.advice,
            )
        if sent and not self._reception.taken:
            raise ArchiveProblem(
                f"The server says that it sent {sent:,} instances, and none came here.",
                where=self.where,
                todo=self.advice,
                scope=ALL,
            )

    def _move(self, request: Dataset) -> Dataset:
        association = self._caller.association("move", [build_context(MOVE)])
        return self._last(association.send_c_move(request, self._destination, MOVE))

    def _get(self, request: Dataset, series: FoundSeries) -> Dataset:
        classes = usual_classes(series.modality) or self._classes_of(series)
        contexts = get_contexts(classes)
        roles = [build_role(uid, scp_role=True) for uid in dict.fromkeys(cx.abstract_syntax for cx in contexts) if uid]
        association = self._caller.association(
            f"get {' '.join(classes)}",
            [build_context(GET), *contexts],
            roles=roles,
            handlers=[(evt.EVT_C_STORE, self._reception.on_store)],
        )
        return self._last(association.send_c_get(request, GET))

    def _classes_of(self, series: FoundSeries) -> tuple[str, ...]:
        """SOP classes of a series' instances; none where the server does not tell."""
        keys = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.uid}
        rows, _ = self._find("IMAGE", ("SOPClassUID",), keys)
        return tuple(dict.fromkeys(uid for uid in (_text(row, "SOPClassUID") for row in rows) if is_uid(uid)))

    def _last(self, answers: Any) -> Dataset:
        """The final status of a retrieval."""
        last = Dataset()
        for status, _ in answers:
            last = status
            if self._reception.stopped:
                self._caller.drop()
                raise self._reception.stopped
        self._answered(last)
        return last

    def _answered(self, status: Dataset | None) -> None:
        if status is None or "Status" not in status:
            raise ArchiveProblem(
                "The server fell silent or broke off in the middle of an operation.",
                where=self.where,
                todo="Try again later; raise timeout_s where it fetches from slow storage.",
                scope=AGAIN,
            )

    def _problem(self, status: Dataset, operation: str) -> ArchiveProblem:
        code = int(status.Status)
        if code == DESTINATION_UNKNOWN:
            return ArchiveProblem(
                f"The server does not know the move destination '{self._destination}'.",
                where=self.where,
                todo="Have the PACS administrator register this AE title with this computer's address and port "
                f"({self._listens_at}).",
                scope=ALL,
            )
        if code == 0x0122 or code == 0x0124:
            return ArchiveProblem(
                f"The server does not allow us {operation} (0x{code:04X}).",
                where=self.where,
                todo="Ask the PACS administrator to allow it to our AE title.",
                scope=ALL,
            )
        if code in (0xA701, 0xA702):
            return ArchiveProblem(
                f"The server could not send (0x{code:04X}).",
                where=self.where,
                todo=f"Can it reach this computer at {self._listens_at or 'its address'}? Check firewall and port.",
                scope=AGAIN,
            )
        return ArchiveProblem(
            f"The server could not do the {operation} (0x{code:04X}).",
            where=self.where,
            todo="Its log says more; give the administrator this code and the time.",
        )


def _request(level: str, keys: dict[str, str]) -> Dataset:
    request = Dataset()
    request.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        if any(ord(letter) > 127 for letter in value):
            request.SpecificCharacterSet = "ISO_IR 192"
        setattr(request, keyword, value or None)
    return request


def _study(row: Dataset) -> FoundStudy:
    uid = _text(row, "StudyInstanceUID")
    modalities = [word.strip().upper() for word in _text(row, "ModalitiesInStudy").split("\\")]
    return FoundStudy(
        uid if is_uid(uid) else "",
        _number(row, "NumberOfStudyRelatedInstances"),
        _text(row, "StudyDate"),
        tuple(word for word in modalities if word),
        _text(row, "StudyDescription"),
        _text(row, "PatientID"),
    )


def _series(row: Dataset, study_uid: str) -> FoundSeries:
    uid = _text(row, "SeriesInstanceUID")
    return FoundSeries(
        study_uid,
        uid if is_uid(uid) else "",
        _text(row, "Modality").upper(),
        _number(row, "NumberOfSeriesRelatedInstances"),
        _text(row, "SeriesDescription"),
        _text(row, "StationName") or None,
    )


def _text(row: Dataset, keyword: str) -> str:
    try:
        value = row.get(keyword)
    except Exception:  # pydicom raises errors of many kinds on values that servers got wrong
        return ""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return "\\".join(str(part).strip() for part in value)
    return str(value).strip()


def _number(row: Dataset, keyword: str) -> int | None:
    text = _text(row, keyword)
    return int(text) if text.isdigit() else None
