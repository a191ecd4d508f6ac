from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.cohort.quality.making import evidence, one
from workbench.cohort.pixel_hashes import perceptual_hash
from workbench.cohort.quality.likeness import fit, orientation, signs, turned_signs

TYPICAL = gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 9, mode="wrap")


def chest(seed: int) -> np.ndarray:
    """One of many like pictures."""
    own = gaussian_filter(np.random.default_rng(seed).normal(size=(96, 96)), 9, mode="wrap")
    return (TYPICAL + 0.4 * own).astype(np.float32)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_signs_turn_with_the_picture(quarters):
    pictures = [chest(seed) for seed in range(30)]
    expected = turned_signs(signs([perceptual_hash(picture) for picture in pictures]), quarters)
    there = signs([perceptual_hash(np.ascontiguousarray(np.rot90(picture, quarters))) for picture in pictures])
    assert (expected == there).mean() > 0.9


def test_small_and_mixed_kinds_say_nothing():
    few = fit([perceptual_hash(chest(seed)) for seed in range(20)], np.zeros(20))
    assert np.isnan(few.upright).all()
    noise = [
        perceptual_hash(np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32)) for seed in range(60)
    ]
    assert np.isnan(fit(noise, np.zeros(60)).upright).all()


def test_inverted_and_turned_radiographs_are_told_apart():
    pictures = [chest(seed) for seed in range(80)]
    pictures[3], pictures[5] = -pictures[3], np.rot90(pictures[5])
    hashes = [perceptual_hash(np.ascontiguousarray(picture)) for picture in pictures]
    contrast = [-0.4] * 80
    contrast[3] = 0.4
    found = list(orientation(evidence(80, perceptual_hash=hashes, corner_contrast=contrast)))
    assert list(one(found, "inverted").scans) == ["S003"] and one(found, "inverted").rule == "Q6"
    assert list(one(found, "turned").scans) == ["S005"] and one(found, "turned").rule == "Q7"
    assert list(orientation(evidence(80, perceptual_hash=hashes, modality="MR"))) == []


def test_a_small_cohort_is_judged_by_its_corners():
    hashes = [perceptual_hash(chest(seed)) for seed in range(20)]
    contrast = [-0.4] * 20
    contrast[7] = 0.3
    found = list(orientation(evidence(perceptual_hash=hashes, corner_contrast=contrast)))
    assert [(item.code, list(item.scans)) for item in found] == [("inverted", ["S007"])]
    assert list(orientation(evidence())) == []
