from __future__ import annotations

import numpy as np

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import composition


def test_mixtures_and_strays():
    mixed = one(composition.mixture(evidence(modality=["DX"] * 15 + ["CT"] * 5)), "mixed_modality")
    assert mixed.count == 5 and "DX 15, CT 5" in mixed.sentence and list(mixed.scans)[0] == "S015"
    stray = one(composition.mixture(evidence(200, body_part=some(200, {9: "HAND"}, "CHEST"))), "mixed_body_part")
    assert stray.sentence == (
        "1 picture is of another body part than CHEST, the one of nearly all (less than 1 %): perhaps misplaced."
    )
    assert list(composition.mixture(evidence(body_part=some(20, {0: None}, "CHEST")))) == []


def test_localizers_derived_pictures_and_screenshots():
    given = evidence(
        flags=some(20, {0: "localizer", 1: "derived"}, ""), numbers={"totals": {"outcomes": {"screenshot": 4}}}
    )
    found = list(composition.no_plain_pictures(given))
    assert [(item.code, item.level, item.count) for item in found] == [
        ("localizer", "exclude", 1),
        ("derived", "note", 1),
        ("screenshot", "note", 4),
    ]


def test_missing_facts_above_a_tenth_are_told():
    given = evidence(sex=[None] * 3 + ["F"] * 17, age_years=some(20, {0: np.nan, 1: np.nan}, 40.0), site=None)
    found = one(composition.missing(given), "missing_facts")
    assert found.sentence == (
        "Not stated in the headers: sex for 15 %, site for 100 % of the pictures. No audit can be made by sex or site."
    )
    assert list(composition.missing(evidence(0))) == []


def test_nameless_pictures():
    found = one(composition.nameless(evidence(flags=some(20, {2: "patient_unknown"}, ""))), "patient_unknown")
    assert found.sentence.startswith("1 picture names no patient")
