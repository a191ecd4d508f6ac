import pytest
import torch

from workbench.augmentation import AugmentSettings, BatchAugment

STILL = {
    "crop_scale": (1, 1),
    "crop_ratio": (1, 1),
    "rotation_deg": 0,
    "brightness": 0,
    "contrast": 0,
    "gamma": 0,
    "noise": 0,
    "blur": 0,
}
ALL = AugmentSettings(flip="both", window_jitter=0.2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(6, 1, 24, 24, generator=seeded(7))


def test_no_strength_is_the_identity(images):
    assert torch.equal(BatchAugment(AugmentSettings(**STILL), 24)(images, generator=seeded()), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_views_lie_in_range_and_leave_the_images_alone(channels):
    images = torch.rand(6, channels, 24, 24, generator=seeded(1))
    before = images.clone()
    strongest = AugmentSettings(
        crop_scale=(0.1, 1), rotation_deg=180, brightness=1, contrast=0.9, gamma=2, noise=1, blur=0.2, window_jitter=0.4
    )
    view = BatchAugment(strongest, 24)(images, generator=seeded())
    assert view.shape == images.shape and view.dtype == torch.float32
    assert torch.isfinite(view).all() and view.min() >= 0 and view.max() <= 1
    assert torch.equal(images, before)


def test_the_same_seed_gives_the_same_views_and_another_seed_others(images):
    augment = BatchAugment(ALL, 24)
    first = augment(images, generator=seeded(3))
    assert torch.equal(first, augment(images, generator=seeded(3)))
    assert not torch.equal(first, augment(images, generator=seeded(4)))


def test_a_view_does_not_depend_on_the_other_images(images):
    augment = BatchAugment(ALL, 24)
    view = augment(images, generator=seeded())
    others = images.clone()
    others[[0, 1, 2, 4, 5]] = torch.rand(5, 1, 24, 24, generator=seeded(9)) ** 3
    assert torch.equal(augment(others, generator=seeded())[3], view[3])


def test_equal_images_get_different_views():
    images = torch.rand(1, 1, 24, 24, generator=seeded(2)).expand(8, 1, 24, 24)
    view = BatchAugment(AugmentSettings(), 24)(images, generator=seeded())
    assert len({picture.numpy().tobytes() for picture in view}) == 8


@pytest.mark.parametrize(
    ("flip", "allowed"),
    [("horizontal", {(), (3,)}), ("vertical", {(), (2,)}), ("both", {(), (2,), (3,), (2, 3)})],
)
def test_flips_are_the_allowed_ones_and_all_of_them(flip, allowed):
    image = torch.rand(1, 1, 8, 8, generator=seeded(5))
    views = BatchAugment(AugmentSettings(**STILL, flip=flip), 8)(image.expand(64, 1, 8, 8), generator=seeded())
    seen = set()
    for view in views:
        seen |= {way for way in [(), (2,), (3,), (2, 3)] if torch.allclose(view[None], image.flip(way), atol=1e-6)}
    assert seen == allowed


def test_without_flips_a_marker_stays_on_its_side():
    images = torch.full((64, 1, 32, 32), 0.3)
    images[:, :, 12:20, 2:8] = 1
    views = BatchAugment(AugmentSettings(), 32)(images, generator=seeded())
    across = torch.linspace(-1, 1, 32)
    place = ((views * (views > 0.8)).sum((1, 2)) * across).sum(1)
    shown = (views > 0.8).sum((1, 2, 3)) > 20
    assert shown.sum() > 32
    assert (place[shown] < 0).float().mean() > 0.9


def test_crops_do_not_go_into_the_letterbox():
    images = torch.zeros(32, 1, 32, 32)
    images[:, :, :, 12:20] = 1  # a narrow scan between two black bars
    settings = AugmentSettings(**{**STILL, "crop_scale": (0.5, 0.9)})
    views = BatchAugment(settings, 32)(images, generator=seeded())
    assert ((views > 0.5).float().mean((1, 2, 3)) >= 8 / 32 - 0.03).all()  # never less of the scan than before


def test_the_letterbox_stays_black():
    images = torch.zeros(16, 1, 32, 32)
    images[:, :, 8:24] = 0.5
    settings = AugmentSettings(**{**STILL, "brightness": 1, "contrast": 0.5, "gamma": 0.5, "noise": 0.5})
    views = BatchAugment(settings, 32)(images, generator=seeded())
    assert views[:, :, :8].max() == 0 and views[:, :, 24:].max() == 0
    assert views[:, :, 8:24].std() > 0.1


def test_strengths_bound_what_happens():
    images = torch.full((256, 1, 4, 4), 0.5)
    views = BatchAugment(AugmentSettings(**{**STILL, "brightness": 0.2}), 4)(images, generator=seeded())
    offsets = views[:, 0, 0, 0] - 0.5
    assert offsets.abs().max() <= 0.2 + 1e-6
    assert offsets.min() < -0.18 and offsets.max() > 0.18


def test_about_the_given_share_is_blurred():
    images = torch.rand(400, 1, 8, 8, generator=seeded(6))
    settings = AugmentSettings(**{**STILL, "blur": 0.1, "blur_share": 0.25})
    changed = (BatchAugment(settings)(images, generator=seeded()) != images).flatten(1).any(1)
    assert 70 <= changed.sum() <= 130
