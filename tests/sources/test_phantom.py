import dataclasses

import numpy as np
import pytest

from workbench.sources.phantom import Anatomy, Exposure, draw_anatomy, draw_exposure, radiograph

PLAIN = Exposure(0, 0, 0, 1.0, 1e9, 0.0, 0.01, 1.0, 0.0)


@pytest.fixture
def anatomy() -> Anatomy:
    return draw_anatomy(np.random.default_rng(3), sex="M")


def image(anatomy: Anatomy, exposure: Exposure = PLAIN, lesion_cm: float = 0.0, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return radiograph(anatomy, exposure, rows=96, columns=96, lesion_cm=lesion_cm, random=random)


def test_size_kind_and_repeatability(anatomy: Anatomy) -> None:
    first, again, other = image(anatomy), image(anatomy), image(anatomy, seed=1)
    assert (first.shape, first.dtype) == ((96, 96), np.float32)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_attenuation_follows_beer_lambert(anatomy: Anatomy) -> None:
    pixels = image(anatomy)
    spine, lung, beside = pixels[40:56, 46:50].mean(), pixels[40:50, 22:30].mean(), pixels[5, :2].mean()
    assert spine > lung > beside
    assert 0.5 < lung < 6, "a lung lets through between a half and a four-hundredth"


def test_the_opacity_adds_its_own_path_and_nothing_elsewhere(anatomy: Anatomy) -> None:
    difference = image(anatomy, lesion_cm=2.0) - image(anatomy)
    side, across, down, radius = anatomy.lesion
    assert np.median(np.abs(difference)) < 0.002
    assert difference.max() == pytest.approx(2.0 * 0.206, rel=0.15)
    row, column = np.unravel_index(difference.argmax(), difference.shape)
    assert np.sign(column - 47.5) == side


def test_fewer_photons_mean_more_noise(anatomy: Anatomy) -> None:
    clean = image(anatomy)
    noise = [
        np.std(image(anatomy, dataclasses.replace(PLAIN, photons=photons))[40:56, 20:30] - clean[40:56, 20:30])
        for photons in (1e3, 1e5)
    ]
    assert noise[0] / noise[1] == pytest.approx(10, rel=0.3), "noise goes with the root of the photons"


def test_positioning_moves_the_image(anatomy: Anatomy) -> None:
    still = image(anatomy)
    moved = image(anatomy, dataclasses.replace(PLAIN, shift_x=0.25))
    centre = [np.average(np.arange(96), weights=pixels[60:80].mean(0) ** 4) for pixels in (still, moved)]
    assert centre[1] - centre[0] == pytest.approx(12, abs=5)


def test_collimation_leaves_a_flat_border(anatomy: Anatomy) -> None:
    pixels = image(anatomy, dataclasses.replace(PLAIN, collimation=0.1))
    assert np.ptp(pixels[:4]) == 0
    assert np.ptp(pixels[:, -4:]) == 0
    assert np.ptp(pixels[10:-10]) > 1


def test_builds_and_exposures_vary_within_what_is_plausible() -> None:
    random = np.random.default_rng(0)
    builds = [draw_anatomy(random, sex=sex) for sex in "FM" * 100]
    exposures = [draw_exposure(random, photons=5000, blur_px=0.5) for _ in range(200)]
    assert all(17 <= build.depth_cm <= 26 for build in builds)
    assert all((build.breast > 0) == (number % 2 == 0) for number, build in enumerate(builds))
    assert 0.1 < np.mean([exposure.collimation > 0 for exposure in exposures]) < 0.3
    assert np.std([exposure.rotation_deg for exposure in exposures]) == pytest.approx(3.5, rel=0.2)
