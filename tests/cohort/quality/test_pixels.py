from __future__ import annotations

import numpy as np

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import pixels


def test_blank_pictures_are_taken_out_and_can_be_included():
    found = one(pixels.blank(evidence(flags=some(20, {3: "blank;lossy"}, ""))), "blank")
    assert (found.rule, found.level, found.count, list(found.scans)) == ("Q4", "exclude", 1, ["S003"])
    assert found.sentence.startswith("1 picture shows nothing") and "include" in found.choices
    assert list(pixels.blank(evidence())) == []


def test_clipped_radiographs_come_worst_first():
    given = evidence(low_share=some(20, {1: 0.21, 2: 0.5}, 0.2), high_share=some(20, {4: 0.06}, 0.05))
    found = one(pixels.clipped(given), "clipped")
    assert list(found.scans) == ["S002", "S004", "S001"]
    assert found.details[0] == "darkest 50%, brightest 5%"
    assert list(pixels.clipped(evidence(low_share=0.9, flags="blank"))) == []


def test_bit_depth():
    given = evidence(
        bits_beyond=some(20, {0: 1.0}, 0.0),
        high=some(20, {1: 255.0, 2: 256.0}, 4000.0),
        combing=some(20, {3: 0.7, 4: 0.6}, 0.0),
    )
    found = list(pixels.bit_depth(given))
    assert list(one(found, "bits_beyond").scans) == ["S000"]
    assert list(one(found, "eight_bits").scans) == ["S001"]
    assert list(one(found, "combed").scans) == ["S003"]
    assert one(found, "combed").sentence == (
        "1 picture has a histogram full of gaps: its grey levels were coarsened and stretched before."
    )
    assert list(pixels.bit_depth(evidence(bits_stored=8, high=255.0))) == []
    assert list(pixels.bit_depth(evidence(modality="MR", high=200.0))) == []


def test_lossy_compression_and_its_traces():
    given = evidence(
        flags=some(20, {0: "lossy", 1: "lossy"}, ""),
        lossy_ratio=some(20, {0: 8.0, 1: 14.0}, np.nan),
        grid8=some(20, {0: 3.0, 5: 2.4, 6: 1.9}, np.nan),
    )
    found = list(pixels.lossy(given))
    assert one(found, "lossy").details == ["ratio 14.0", "ratio 8.0"]
    assert "1 picture by more than 10 times" in one(found, "lossy").sentence
    assert list(one(found, "jpeg_traces").scans) == ["S005"]


def test_scans_that_were_not_measured_are_not_accused():
    nothing = evidence(**dict.fromkeys(["low", "high", "low_share", "high_share", "combing", "bits_beyond"], np.nan))
    for rule in (pixels.blank, pixels.clipped, pixels.bit_depth, pixels.lossy):
        assert list(rule(nothing)) == []
