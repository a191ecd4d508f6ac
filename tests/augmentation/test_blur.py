import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from workbench.augmentation.blur import blur_matrix, gaussian_blur


def test_sigma_zero_is_the_identity_bit_for_bit():
    images = torch.rand(3, 1, 16, 12, generator=torch.Generator().manual_seed(0))
    blurred = gaussian_blur(images, torch.tensor([0.0, 2.0, 0.0]))
    assert torch.equal(blurred[[0, 2]], images[[0, 2]])
    assert not torch.equal(blurred[1], images[1])
    assert torch.equal(blur_matrix(torch.zeros(1), 5)[0], torch.eye(5))


def test_agrees_with_scipy_away_from_borders():
    image = np.zeros((32, 24), np.float32)
    image[14:18, 11:13] = 1
    ours = gaussian_blur(torch.from_numpy(image)[None, None], torch.tensor([1.3]))[0, 0].numpy()
    assert np.allclose(ours, gaussian_filter(image, 1.3, truncate=8), atol=1e-6)


def test_a_flat_image_stays_flat_to_its_borders():
    flat = torch.full((1, 2, 8, 8), 0.7)
    assert torch.allclose(gaussian_blur(flat, torch.tensor([3.0])), flat)
