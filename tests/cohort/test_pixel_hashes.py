from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.cohort.pixel_hashes import combined_hash, distance, perceptual_hash, pixel_hash


def picture(seed: int, size: int = 96) -> np.ndarray:
    """Smooth waves, as different from seed to seed as two patients."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [
        rng.normal() * np.sin(2 * np.pi * (rng.uniform(0, 3) * x + rng.uniform(0, 3) * y + rng.uniform()))
        for _ in range(8)
    ]
    return (1000 + 200 * sum(waves)).astype(np.float32)


def test_pixel_hash_is_sha256_of_shape_and_little_endian_values():
    values = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert pixel_hash(values) == hashlib.sha256(b"2x3" + values.astype("<f4").tobytes()).hexdigest()[:32]


def test_pixel_hash_minds_values_and_shape_and_not_memory_layout():
    values = picture(1)
    assert pixel_hash(np.asfortranarray(values)) == pixel_hash(values)
    assert pixel_hash(values.reshape(48, 192)) != pixel_hash(values)
    other = values.copy()
    other[0, 0] += 1
    assert pixel_hash(other) != pixel_hash(values)
    assert pixel_hash(np.array([[-0.0]], np.float32)) == pixel_hash(np.array([[0.0]], np.float32))


def test_combined_hash_minds_order():
    assert combined_hash(["a"]) == "a"
    assert combined_hash(["a", "b"]) != combined_hash(["b", "a"])


def test_perceptual_hash_survives_resize_brightness_and_noise_and_tells_pictures_apart():
    for seed in range(10):
        values = picture(seed)
        half = values.reshape(48, 2, 48, 2).mean(axis=(1, 3))
        again = half * 1.5 + 30 + np.random.default_rng(seed).normal(0, 5, (48, 48)).astype(np.float32)
        assert distance(perceptual_hash(values), perceptual_hash(again)) <= 4
        assert distance(perceptual_hash(values), perceptual_hash(picture(seed + 100))) > 8


def test_perceptual_hash_of_colour_is_that_of_its_mean():
    values = picture(3)
    assert perceptual_hash(np.stack([values] * 3, axis=-1)) == perceptual_hash(values)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.floats(-1e4, 1e4, width=32)))
def test_any_picture_has_16_digits(values: np.ndarray):
    found = perceptual_hash(values)
    assert len(found) == 16 and int(found, 16) < 2**63
