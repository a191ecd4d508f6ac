from __future__ import annotations

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.fft import dctn

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


def blake(head: bytes, values: np.ndarray) -> str:
    return blake3(head + values.tobytes()).hexdigest(length=16)


def test_pixel_hash_is_blake3_of_type_shape_and_little_endian_values():
    values = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert pixel_hash(values) == blake(b"<i2 2x3 ", values.astype("<i2"))
    assert pixel_hash(values + 40000) == blake(b"<u2 2x3 ", (values + 40000).astype("<u2"))
    for others in (values + 0.5, values + 65535, values - 40000):
        assert pixel_hash(others) == blake(b"<f4 2x3 ", others.astype("<f4"))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([np.int16, np.uint16]), st.data())
def test_pixel_hash_minds_values_and_not_the_number_type(kind, data):
    values = data.draw(arrays(kind, (3, 4), elements=st.integers(int(np.iinfo(kind).min), int(np.iinfo(kind).max))))
    assert pixel_hash(values) == pixel_hash(values.astype(np.float32)) == pixel_hash(values.astype(np.float64))


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


@pytest.mark.parametrize("shape", [(512, 512), (96, 130), (31, 7), (1000, 33)])
def test_perceptual_hash_is_the_sign_of_the_cosine_transform_of_area_means(shape):
    values = np.random.default_rng(1).normal(size=shape).cumsum(axis=0).astype(np.float32)
    edges = [np.arange(33) * (length / 32) for length in shape]
    weights = [
        np.clip(np.minimum(e[1:, None], np.arange(n) + 1) - np.maximum(e[:-1, None], np.arange(n)), 0, None) * (32 / n)
        for e, n in zip(edges, shape, strict=True)
    ]
    waves = dctn(weights[0] @ values.astype(np.float64) @ weights[1].T, norm="ortho")[:8, :8].ravel()
    bits = waves > np.median(waves[1:])
    bits[0] = False
    assert perceptual_hash(values) == np.packbits(bits).tobytes().hex()


def test_values_that_are_no_numbers_count_as_nothing_and_stay_as_they_are():
    values = picture(4)
    broken, filled = values.copy(), values.copy()
    broken[10:20, 10:20], filled[10:20, 10:20] = np.nan, 0
    assert perceptual_hash(broken) == perceptual_hash(filled)
    assert np.isnan(broken[10, 10])


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.floats(-1e4, 1e4, width=32)))
def test_any_picture_has_16_digits(values: np.ndarray):
    found = perceptual_hash(values)
    assert len(found) == 16 and int(found, 16) < 2**63
