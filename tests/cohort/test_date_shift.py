from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workbench.cohort.date_shift import LARGEST_SHIFT_DAYS, shift_days, shifted
from workbench.cohort.keys import SiteKey

KEY = SiteKey(bytes(range(32)))


def test_a_date_has_its_exact_place():
    assert shift_days(KEY, "PAAAA") == 1213
    assert shifted(KEY, "PAAAA", date(2019, 4, 5)) == (date(2019, 4, 5) - timedelta(days=1213)).isoformat()


@given(st.text(), st.dates(date(1950, 1, 1)), st.dates(date(1950, 1, 1)))
def test_intervals_of_a_patient_stay(patient, first, second):
    moved = [date.fromisoformat(shifted(KEY, patient, day) or "") for day in (first, second)]
    assert moved[1] - moved[0] == second - first
    assert 1 <= (first - moved[0]).days <= LARGEST_SHIFT_DAYS


def test_other_patients_and_other_sites_have_other_shifts():
    assert len({shift_days(KEY, f"P{n}") for n in range(50)}) > 45
    assert shift_days(SiteKey(bytes(32)), "PAAAA") != shift_days(KEY, "PAAAA")


def test_no_date_and_dates_at_the_calendars_begin():
    assert shifted(KEY, "PAAAA", None) is None
    assert shifted(KEY, "PAAAA", date(1, 1, 1)) is None
