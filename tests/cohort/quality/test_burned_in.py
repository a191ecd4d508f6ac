from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from workbench.cohort.quality.burned_in import ConstantGlyphs, bright_outside, glyphs_in_line


def tissue(seed: int = 0, size: int = 400) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 6)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 200


def with_text(values: np.ndarray, text: str, at: tuple[int, int], size: int = 18) -> np.ndarray:
    picture = Image.fromarray(values.astype(np.uint8))
    ImageDraw.Draw(picture).text(at, text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture).astype(np.float32)


@pytest.mark.parametrize("at", [(20, 8), (150, 370)])
def test_a_line_of_text_at_the_border_is_seen(at):
    plain = tissue().astype(np.float32)
    assert glyphs_in_line(plain, 0, 255) == 0
    written = with_text(plain, "DOE JANE 19610203", at)
    assert glyphs_in_line(written, 0, 255) >= 8


def test_text_in_the_middle_markers_frames_and_noise_are_no_line_of_text():
    plain = tissue().astype(np.float32)
    assert glyphs_in_line(with_text(plain, "DOE JANE 19610203", (100, 200)), 0, 255) == 0
    assert glyphs_in_line(with_text(plain, "R", (10, 8)), 0, 255) == 0
    framed = plain.copy()
    framed[:10] = framed[:, :10] = 255
    assert glyphs_in_line(framed, 0, 255) == 0
    noise = np.where(np.random.default_rng(0).random((400, 400)) > 0.5, 255, 0).astype(np.float32)
    assert glyphs_in_line(noise, 0, 255) == 0
    assert glyphs_in_line(np.zeros((400, 400), np.float32), 0, 0) == 0
    assert glyphs_in_line(np.zeros((3, 3), np.float32), 0, 1) == 0


def test_text_that_stands_still_while_the_picture_moves():
    clip, frozen = ConstantGlyphs(), ConstantGlyphs()
    for number in range(4):
        clip.add(with_text(tissue(number), "DOE JANE 19610203", (100, 200)))
        frozen.add(with_text(tissue(0), "DOE JANE 19610203", (100, 200)))
    assert clip.in_line() >= 8
    assert frozen.in_line() == 0
    moving = ConstantGlyphs()
    for number in range(4):
        moving.add(tissue(number).astype(np.float32))
    assert moving.in_line() == 0


def test_brightness_outside_the_tissue():
    values = np.zeros((100, 100), np.float32)
    values[20:80, 20:80] = 200
    region = [(20, 20, 79, 79)]
    assert bright_outside(values, region) == 0.0
    values[:10, :64] = 255
    assert bright_outside(values, region) == 640 / 6400
    assert bright_outside(values, []) is None
    assert bright_outside(values, [(0, 0, 99, 99)]) is None
