import torch

from workbench.augmentation.intensity import add_noise, gain_and_offset, narrow_window, power_curve


def column(*values):
    return torch.tensor(values).reshape(1, 1, -1, 1)


def test_black_stays_black_under_every_change():
    image = column(0.0, 0.5, 1.0)
    assert gain_and_offset(image, torch.tensor([1.4]), torch.tensor([0.2]))[0, 0, 0, 0] == 0
    assert add_noise(image, torch.tensor([0.1]), torch.ones_like(image))[0, 0, 0, 0] == 0
    assert power_curve(image, torch.tensor([0.7]))[0, 0, 0, 0] == 0


def test_gain_turns_around_the_mean_of_what_is_not_black():
    image = column(0.0, 0.0, 0.4, 0.8)  # mean of the two that show: 0.6
    changed = gain_and_offset(image, torch.tensor([0.5]), torch.tensor([0.1]))
    assert torch.allclose(changed, column(0.0, 0.0, 0.6, 0.8))


def test_offsets_fade_in_over_the_darkest_values():
    image = column(0.01, 0.5)
    changed = gain_and_offset(image, torch.tensor([1.0]), torch.tensor([0.2]))
    assert torch.allclose(changed, column(0.11, 0.7))


def test_power_curve():
    assert torch.allclose(power_curve(column(0.25, 1.0), torch.tensor([0.5])), column(0.5, 1.0))


def test_a_narrower_window_is_the_exact_window():
    hounsfield = column(-1000.0, -650.0, -300.0, 225.0, 400.0)
    unit = (hounsfield + 1000) / 1400
    narrowed = narrow_window(unit, torch.tensor([0.25]), torch.tensor([0.125]))  # -650 to 225 HU
    assert torch.allclose(narrowed, column(0.0, 0.0, 0.4, 1.0, 1.0), atol=1e-6)


def test_noise_is_scaled_per_image():
    images = torch.full((2, 1, 1, 2), 0.5)
    noisy = add_noise(images, torch.tensor([0.0, 0.1]), torch.tensor([1.0, -2.0]).expand(2, 1, 1, 2))
    assert torch.allclose(noisy.flatten(), torch.tensor([0.5, 0.5, 0.6, 0.3]))
