import numpy as np
import torch

from workbench.evaluation.features import extract
from workbench.evaluation.pixels import SIDE, pixel_features


def test_each_feature_is_the_mean_of_its_block():
    images = torch.arange(2 * 64 * 64, dtype=torch.float32).reshape(2, 1, 64, 64) / 8192
    found = extract(pixel_features(), images)
    assert found.shape == (2, SIDE * SIDE)
    blocks = images.numpy().reshape(2, SIDE, 2, SIDE, 2).mean(axis=(2, 4)).reshape(2, -1)
    np.testing.assert_allclose(found, blocks, atol=1e-6)


def test_channels_come_one_after_the_other_and_an_image_of_that_side_is_unchanged():
    images = torch.rand(3, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(extract(pixel_features(), images), images.flatten(1).numpy())


def test_a_side_that_is_no_multiple_keeps_the_mean():
    image = torch.full((1, 1, 50, 50), 0.25)
    np.testing.assert_allclose(extract(pixel_features(), image), 0.25, atol=1e-6)
