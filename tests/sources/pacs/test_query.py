from __future__ import annotations

from datetime import date

import pytest

from workbench.errors import InputError
from workbench.sources.pacs.archive import FoundSeries, FoundStudy
from workbench.sources.pacs.query import Query, date_range, make_query, read_date

STUDY = FoundStudy("1.2", 5, "20240105", ("CT", "SR"), "CT Thorax nativ", "MRN-1")
SERIES = FoundSeries("1.2", "1.2.3", "CT", 5, "Lunge axial", "ROOM1")


@pytest.mark.parametrize(
    ("text", "first", "last", "key"),
    [
        ("20240101", date(2024, 1, 1), date(2024, 1, 1), "20240101"),
        ("20240101-20240131", date(2024, 1, 1), date(2024, 1, 31), "20240101-20240131"),
        ("20240101-", date(2024, 1, 1), None, "20240101-"),
        ("-20240131", None, date(2024, 1, 31), "-20240131"),
    ],
)
def test_ranges_of_dates(text: str, first: date | None, last: date | None, key: str):
    query = make_query(dates=text)
    assert (query.first, query.last) == (first, last) and date_range(query.first, query.last) == key


@pytest.mark.parametrize("text", ["2024", "20241301", "-", "20240131-20240101", "20240101-x", "yesterday"])
def test_what_is_no_range_of_dates(text: str):
    with pytest.raises(InputError, match="range of dates"):
        make_query(dates=text)


def test_the_last_days_and_not_both():
    query = make_query(days=14, today=date(2024, 3, 1))
    assert date_range(query.first, query.last) == "20240217-"
    with pytest.raises(InputError, match="Both dates and days"):
        make_query(days=1, dates="20240101")


@pytest.mark.parametrize("patient", ["MRN*", "MRN?", "A\\B"])
def test_a_wildcard_would_ask_for_other_patients(patient: str):
    with pytest.raises(InputError, match="other patients") as caught:
        make_query(patients=["MRN-1", patient])
    assert patient not in str(caught.value)


def test_patients_are_not_shown():
    assert repr(make_query(patients=["MRN-1"], modalities=["ct"])) == "Query(('CT',), dates any, 1 patients)"
    assert "MRN-1" not in repr(STUDY) and "Thorax" not in repr(STUDY) and "Lunge" not in repr(SERIES)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, ""),
        ({"patients": ["MRN-1"]}, ""),
        ({"patients": ["MRN-11"]}, "another patient"),
        ({"dates": "20240105"}, ""),
        ({"dates": "20240106-"}, "another date"),
        ({"modalities": ["mr"]}, "another modality"),
        ({"modalities": ["mr", "ct"]}, ""),
    ],
)
def test_studies_that_a_server_named_without_being_asked(given: dict, reason: str):
    assert make_query(**given).why_not_study(STUDY) == reason


def test_a_study_without_a_date_or_without_modalities():
    bare = FoundStudy("1.2")
    assert make_query(dates="20240101-").why_not_study(bare) == "no study date"
    assert make_query(modalities=["CT"]).why_not_study(bare) == ""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, ""),
        ({"modalities": ["CT"]}, ""),
        ({"modalities": ["MR"]}, "another modality"),
        ({"words": ["LUNGE", "knie"]}, ""),
        ({"words": ["thorax"]}, ""),
        ({"words": ["knie"]}, "none of the words in its description"),
        ({"stations": ["room1 "]}, ""),
        ({"stations": ["ROOM2"]}, "another station"),
    ],
)
def test_series(given: dict, reason: str):
    assert make_query(**given).why_not_series(STUDY, SERIES) == reason


def test_a_series_of_which_the_server_tells_little():
    bare = FoundSeries("1.2", "1.2.3")
    assert make_query(modalities=["CT"]).why_not_series(STUDY, bare) == "the server does not tell its modality"
    assert make_query(stations=["A"]).why_not_series(STUDY, bare) == "the server does not tell its station"


def test_the_digest_is_of_what_chooses_series():
    base = make_query(modalities=["CT"], dates="20240101")
    assert base.series_digest == make_query(modalities=["ct"], patients=["1"]).series_digest
    assert base.series_digest != Query().series_digest


@pytest.mark.parametrize(
    ("text", "found"),
    [("20240229", date(2024, 2, 29)), ("1997.04.24", date(1997, 4, 24)), ("20230229", None), ("", None)],
)
def test_dates(text: str, found: date | None):
    assert read_date(text) == found
