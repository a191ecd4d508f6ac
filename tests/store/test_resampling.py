import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.store.resampling import resample, resample_valid, weights

lengths = st.integers(1, 70)


@given(lengths, lengths)
def test_weights_sum_to_one_and_are_none_below_zero(length, target):
    matrix = weights(length, target).toarray()
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert matrix.min() >= 0


@given(lengths, lengths)
def test_downwards_every_pixel_counts_the_same(length, target):
    length, target = max(length, target), min(length, target)
    assert np.allclose(weights(length, target).toarray().sum(axis=0), target / length, atol=1e-5)


def test_whole_factors_are_block_means():
    picture = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
    assert np.allclose(resample(picture, 4, 4), picture.reshape(4, 2, 4, 3).mean(axis=(1, 3)), atol=1e-6)


def test_broken_factors_share_pixels_by_area():
    assert np.allclose(weights(3, 2).toarray(), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])


def test_upwards_interpolates_between_centres():
    assert np.allclose(weights(2, 4).toarray(), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])


def test_the_finest_stripes_vanish_instead_of_aliasing():
    stripes = np.tile(np.array([0, 1], np.float32), (64, 32))
    small = resample(stripes, 24, 24)
    assert abs(small - 0.5).max() <= 0.13  # a third of each pixel's border is shared; nearest would give 0 and 1


def test_same_size_is_the_same_array():
    picture = np.ones((5, 7), np.float32)
    assert resample(picture, 5, 7) is picture


def test_padding_is_never_averaged_into_its_neighbours():
    picture = np.full((4, 4), 100, np.float32)
    valid = np.ones((4, 4), bool)
    picture[:, :1], valid[:, :1] = -2000, False
    picture[2:, :2], valid[2:, :2] = -2000, False
    small, share = resample_valid(picture, valid, 2, 2)
    assert small == pytest.approx(np.array([[100, 100], [0, 100]]))
    assert share == pytest.approx(np.array([[0.5, 1], [0, 1]]))
