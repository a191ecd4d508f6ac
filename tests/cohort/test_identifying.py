from __future__ import annotations

import pytest

from workbench.cohort.identifying import looks_identifying


@pytest.mark.parametrize("text", ["Doe^Jane", "born 3.2.1961", "19610203", "see 1961-02-03", "MRN 998877", "a@b.org"])
def test_names_dates_numbers_and_addresses(text):
    assert looks_identifying(text)


@pytest.mark.parametrize(
    "text", ["blurred", "cover pages, 12 of them", "patient PABCDEFGH2345672A withdrew", "2.25.123456789", "4.5 mm", ""]
)
def test_plain_reasons_and_keys_of_the_cohort(text):
    assert not looks_identifying(text)
