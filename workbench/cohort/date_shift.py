"""Dates moved back by a number of days of each patient's own: intervals stay, calendar dates do not.

As the option "Retain Longitudinal Temporal Information with Modified Dates" of PS3.15 Annex E.
"""

from __future__ import annotations

from datetime import date, timedelta

from workbench.cohort.keys import SiteKey

LARGEST_SHIFT_DAYS = 3650


def shift_days(key: SiteKey, patient_key: str) -> int:
    """By how many days all dates of a patient are moved back: 1 to 3,650, from the site key and the patient's key."""
    return 1 + int.from_bytes(key.digest(f"date|{patient_key}")[:8], "big") % LARGEST_SHIFT_DAYS


def shifted(key: SiteKey, patient_key: str, day: date | None) -> str | None:
    """A date moved back, as ``YYYY-MM-DD``; None where there is none, or where it would leave the calendar."""
    if day is None:
        return None
    try:
        return (day - timedelta(days=shift_days(key, patient_key))).isoformat()
    except OverflowError:
        return None
