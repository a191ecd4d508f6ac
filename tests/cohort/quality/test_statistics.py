from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.cohort.quality.statistics import NAMES, statistics_of
from workbench.dicom.frame import Frame


def frame(values: np.ndarray, padding: np.ndarray | None = None, **changes) -> Frame:
    facts = {
        "units": "stored",
        "spacing_mm": None,
        "spacing_plane": "none",
        "bits_stored": 12,
        "signed": False,
        "modality": "DX",
        "photometric": "MONOCHROME2",
        "window": None,
        "ends": (0.0, 4095.0),
        "whole": True,
        **changes,
    }
    none = np.zeros(values.shape[:2], bool)
    return Frame(values=values.astype(np.float32), padding=none if padding is None else padding, **facts)


def radiograph(seed: int = 0, size: int = 200) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 40, (size, size))
    across = np.linspace(-1, 1, size)
    return np.clip(3000 - 1500 * (across[:, None] ** 2 + across**2) + noise, 0, 4095).round()


def test_a_constant_picture_has_no_spread():
    found = statistics_of(frame(np.full((50, 60), 7.0)))
    assert (found["low"], found["high"], found["std"], found["mode_share"]) == (7.0, 7.0, 0.0, 1.0)
    assert found["levels"] == 1 and found["low_share"] is None and found["combing"] is None


def test_the_ends_are_exact_and_shares_close_to_the_truth():
    values = radiograph(size=500)
    values[3, 5], values[400, 7] = 0, 4095
    values[100:200, 100:400] = 2000
    found = statistics_of(frame(values))
    assert (found["low"], found["high"]) == (0.0, 4095.0)
    assert found["std"] == pytest.approx(values.std(), rel=0.02)
    assert found["mode_share"] == pytest.approx(0.12, abs=0.01)


def test_clipping_is_counted_without_the_collimated_border():
    values = radiograph(size=160)
    values[:, :30] = 0  # the collimator
    assert statistics_of(frame(values))["low_share"] < 0.01
    values[60:140, 50:130] = 0
    assert statistics_of(frame(values))["low_share"] == pytest.approx(80 * 80 / (160 * 130), abs=0.02)
    assert statistics_of(frame(4095 - values))["high_share"] == pytest.approx(80 * 80 / (160 * 130), abs=0.02)


def test_padding_counts_for_nothing():
    values, padding = radiograph(), np.zeros((200, 200), bool)
    padding[:50] = True
    values[padding] = -2000
    found = statistics_of(frame(values, padding))
    assert found["low"] >= 0 and found["padding_share"] == 0.25
    assert statistics_of(frame(values, np.ones((200, 200), bool)))["low"] is None


def test_combing_is_seen_where_values_were_requantised_and_not_in_noise_or_wide_ranges():
    plain = radiograph(size=400)
    assert statistics_of(frame(plain))["combing"] == 0.0
    assert statistics_of(frame(plain // 16 * 16))["combing"] == pytest.approx(15 / 16, abs=0.02)
    assert statistics_of(frame(np.random.default_rng(0).integers(0, 65536, (300, 300))))["combing"] == 0.0


def test_the_grid_of_jpeg_blocks_stands_out(tmp_path):
    from PIL import Image

    plain = (radiograph(size=256) / 16).astype(np.uint8)
    Image.fromarray(plain).save(tmp_path / "a.jpg", quality=15)
    blocky = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert statistics_of(frame(plain, bits_stored=8))["grid8"] < 1.2
    assert statistics_of(frame(blocky, bits_stored=8))["grid8"] > 2
    assert statistics_of(frame(plain))["grid8"] is None


def test_corners_against_the_middle():
    values = radiograph()
    assert statistics_of(frame(values))["corner_contrast"] < -0.3
    assert statistics_of(frame(4095 - values))["corner_contrast"] > 0.3


def test_the_air_peak_of_a_ct():
    values = np.full((100, 100), -1003.0)
    values[30:70, 30:70] = np.random.default_rng(0).normal(40, 20, (40, 40)).round()
    assert statistics_of(frame(values, modality="CT", units="HU"))["air_hu"] == -1005.0
    assert statistics_of(frame(values + 1024, modality="CT", units="HU"))["air_hu"] is None


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 300)),
        elements=st.floats(-1e6, 1e6, width=32),
    ),
    st.sampled_from(["DX", "CT"]),
    st.booleans(),
)
def test_any_picture_gives_finite_numbers(values, modality, whole):
    values = np.rint(values) if whole else values
    found = statistics_of(frame(values, modality=modality, whole=whole, bits_stored=8, units="HU"))
    assert set(found) == set(NAMES)
    assert all(value is None or np.isfinite(value) for value in found.values())
    assert (found["low"], found["high"]) == (values.min(), values.max())


def test_colour_is_measured_by_its_green_channel():
    values = np.zeros((40, 40, 3))
    values[..., 1] = np.arange(40)
    assert statistics_of(frame(values))["high"] == 39
