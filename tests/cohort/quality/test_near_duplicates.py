from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.cohort.quality.making import evidence, one
from workbench.cohort.quality import near_duplicates
from workbench.cohort.quality.evidence import Features
from workbench.cohort.quality.near_duplicates import candidates, close_pairs, likeness, mean_of, named, residual


def hashes(number: int, seed: int = 0) -> list[str]:
    return [row.tobytes().hex() for row in np.random.default_rng(seed).integers(0, 256, (number, 8), np.uint8)]


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.uint64, st.integers(0, 40), elements=st.integers(0, 2**64 - 1)),
    st.lists(st.sets(st.integers(0, 63), max_size=8), max_size=40),
    st.sampled_from([2, 4, 6]),
)
def test_pairs_are_those_of_comparing_all_with_all(values, flips, bits):
    near = [values[0] ^ np.uint64(sum(1 << bit for bit in flip)) for flip in flips] if len(values) else []
    every = np.concatenate([values, np.array(near, np.uint64)])
    patients = np.arange(len(every)) // 2
    expected = [
        (a, b)
        for a in range(len(every))
        for b in range(a + 1, len(every))
        if patients[a] != patients[b] and int(every[a] ^ every[b]).bit_count() <= bits
    ]
    assert [tuple(pair) for pair in close_pairs(every, patients, bits).tolist()] == expected


def test_candidates_are_of_different_patients_and_no_slices_or_copies():
    there = hashes(20)
    there[4] = there[3]
    there[6] = there[5]
    there[8] = there[7]
    given_one = evidence(
        perceptual_hash=there,
        patient_key=["P5" if n == 6 else f"P{n}" for n in range(20)],
        pixel_hash=["h7" if n == 8 else f"h{n}" for n in range(20)],
    )
    pairs = candidates(given_one)
    assert named(given_one, pairs) == [("S003", "S004")]
    assert len(candidates(evidence(perceptual_hash=there, modality="MR"))) == 0


def test_features_add_pairs():
    vectors = np.random.default_rng(0).normal(size=(20, 16))
    vectors[9] = 3 * vectors[2]
    features = Features.of(np.array([f"S{n:03d}" for n in range(20)]), vectors)
    given_one = evidence(perceptual_hash=hashes(20))
    assert named(given_one, candidates(given_one, features)) == [("S002", "S009")]


def test_too_many_like_pictures_are_said_to_be_too_many(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", 10)
    given_one = evidence(perceptual_hash="00" * 8)
    assert candidates(given_one) is None
    assert one(near_duplicates.near_duplicates(given_one), "near_duplicates_not_searched").level == "note"


def test_pairs_compared_before_are_findings_and_others_wait():
    there = hashes(20)
    there[4], there[6] = there[3], there[5]
    compared = pd.DataFrame({"first": ["S003", "S000"], "second": ["S004", "GONE"], "likeness": [0.95, 0.99]})
    given_one = evidence(perceptual_hash=there, others={"compared": compared, "test_patients": frozenset({"P003"})})
    found = list(near_duplicates.near_duplicates(given_one))
    alike = one(found, "near_duplicates")
    assert (alike.count, list(alike.scans), alike.level) == (1, ["S003", "S004"], "warn")
    assert "1 pair lies across the border" in alike.sentence
    assert one(found, "like_pairs").count == 1


def test_copies_are_liker_than_other_pictures():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    common = gaussian_filter(rng.normal(size=(64, 64)), 10) * 6
    pictures = [common + gaussian_filter(rng.normal(size=(64, 64)), 2) for _ in range(30)]
    mean = mean_of(pictures)
    first = residual(pictures[0], mean)
    shifted = residual(np.roll(pictures[0], (1, -1), (0, 1)) * 3 + 5, mean)
    assert likeness(first, shifted) > 0.9
    assert max(likeness(first, residual(other, mean)) for other in pictures[1:]) < 0.5
