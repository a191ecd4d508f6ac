"""Answers of QIDO-RS in the DICOM JSON model (PS3.18 8.3.4, F.2)."""

from __future__ import annotations

from typing import Any

from workbench.sources.pacs.archive import FoundSeries, FoundStudy, is_uid

STUDY_FIELDS = ("NumberOfStudyRelatedInstances", "ModalitiesInStudy", "StudyDescription", "StudyDate", "PatientID")
SERIES_FIELDS = ("NumberOfSeriesRelatedInstances", "Modality", "SeriesDescription", "StationName")


def study_of(row: dict[str, Any]) -> FoundStudy:
    """A study of an answer; its ``uid`` is empty where it has no usable one."""
    return FoundStudy(
        _uid(row, "0020000D"),
        _number(row, "00201208"),
        _text(row, "00080020"),
        tuple(str(value).strip().upper() for value in _values(row, "00080061")),
        _text(row, "00081030"),
        _text(row, "00100020"),
    )


def series_of(row: dict[str, Any], study_uid: str) -> FoundSeries:
    """A series of an answer; its ``uid`` is empty where it has no usable one."""
    return FoundSeries(
        study_uid,
        _uid(row, "0020000E"),
        _text(row, "00080060").upper(),
        _number(row, "00201209"),
        _text(row, "0008103E"),
        _text(row, "00081010") or None,
    )


def instance_of(row: dict[str, Any]) -> str:
    """The SOP Instance UID of an answer, or empty."""
    return _uid(row, "00080018")


def _values(row: dict[str, Any], tag: str) -> list[Any]:
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [value for value in values if value is not None] if isinstance(values, list) else []


def _text(row: dict[str, Any], tag: str) -> str:
    values = _values(row, tag)
    return str(values[0]).strip() if values else ""


def _number(row: dict[str, Any], tag: str) -> int | None:
    text = _text(row, tag)
    return int(text) if text.isdigit() else None


def _uid(row: dict[str, Any], tag: str) -> str:
    text = _text(row, tag)
    return text if is_uid(text) else ""
