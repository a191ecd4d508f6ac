from types import SimpleNamespace

import numpy as np
import pytest

from tests.dicom.making import picture
from workbench.dicom import read_frame
from workbench.store.fitting import fit, fitted_size
from workbench.store.settings import StoreSettings


def frame(values, *, units="stored", padding=None, spacing_mm=None, modality="DX", bits_stored=12, aspect=1.0):
    """As ``workbench.dicom.Frame``, with the stored values given."""
    return SimpleNamespace(
        training=lambda: values,
        counts=None,
        padded=padding is not None and bool(padding.any()),
        units=units,
        padding=np.zeros(values.shape[:2], bool) if padding is None else padding,
        spacing_mm=spacing_mm,
        modality=modality,
        bits_stored=bits_stored,
        aspect=aspect,
    )


@pytest.mark.parametrize(
    ("rows", "columns", "spacing", "expected"),
    [
        (512, 512, (0.7, 0.7), (64, 64, (5.6, 5.6))),
        (300, 200, None, (64, 43, None)),
        (100, 100, (2.0, 1.0), (64, 32, (3.125, 3.125))),  # 200 mm tall, 100 mm wide
        (100, 200, (1.0, 0.25), (64, 32, (1.5625, 1.5625))),  # 100 mm tall, 50 mm wide
        (1, 5000, None, (1, 64, None)),
        (28, 28, None, (64, 64, None)),
    ],
)
def test_proportions_are_those_of_the_body(rows, columns, spacing, expected):
    height, width, after = fitted_size(rows, columns, spacing, 64)
    assert (height, width) == expected[:2]
    assert after == pytest.approx(expected[2]) if spacing else after is None


def test_a_wide_scan_lies_between_black_bars():
    values = np.full((4, 8), 1000, np.uint16)
    scan = fit(frame(values), StoreSettings(size=8))
    assert (scan.top, scan.left, scan.height, scan.width) == (2, 0, 4, 8)
    assert scan.pixels.dtype == np.uint16 and scan.pixels.shape == (1, 8, 8)
    assert (scan.pixels[0, 2:6] == 1000).all()
    assert (scan.pixels[0, [0, 1, 6, 7]] == 0).all()


def test_ct_keeps_hounsfield_units_and_never_averages_padding():
    values = np.full((16, 16), 40, np.int16)
    padding = np.zeros((16, 16), bool)
    padding[:, :5] = True
    values[padding] = -2000
    scan = fit(frame(values, units="HU", padding=padding, modality="CT"), StoreSettings(size=8))
    assert scan.pixels.dtype == np.int16
    assert (scan.pixels[0, :, :2] == -1024).all()  # nothing but padding: air
    assert (scan.pixels[0, :, 2:] == 40).all()  # half padding: the tissue's own value
    assert (scan.low, scan.high) == (-1000, 400)


def test_ct_values_outside_the_window_are_kept():
    values = np.full((8, 8), 3000, np.int16)
    scan = fit(frame(values, units="HU", modality="CT"), StoreSettings(size=8, ct_window=(-160, 240)))
    assert (scan.pixels == 3000).all()
    assert (scan.low, scan.high) == (-160, 240)


def test_display_range_is_percentiles_outside_padding_and_letterbox():
    values = np.arange(101 * 202, dtype=np.uint16).reshape(101, 202)
    padding = np.zeros(values.shape, bool)
    values[:, 101:], padding[:, 101:] = 65535, True
    values[:, :101] = np.arange(101 * 101).reshape(101, 101) % 1000 + 500
    scan = fit(frame(values, padding=padding), StoreSettings(size=202))
    kept = values[:, :101]
    assert scan.low == pytest.approx(np.percentile(kept, 1), abs=1)
    assert scan.high == pytest.approx(np.percentile(kept, 99), abs=1)


def test_a_flat_scan_has_a_range_all_the_same():
    scan = fit(frame(np.full((8, 8), 7, np.uint8)), StoreSettings(size=8))
    assert (scan.low, scan.high) == (7, 8)


def test_a_scan_of_nothing_but_padding_is_black():
    scan = fit(frame(np.full((8, 8), -2000, np.int16), padding=np.ones((8, 8), bool)), StoreSettings(size=8))
    assert (scan.pixels == 0).all() and (scan.low, scan.high) == (0, 1)


def test_what_lies_outside_the_scan_is_at_or_below_low():
    rng = np.random.default_rng(0)
    for values, units in [
        (rng.integers(-500, 900, (10, 20)).astype(np.int16), "HU"),
        (rng.integers(-500, 900, (10, 20)).astype(np.int16), "stored"),
        (rng.integers(30000, 60000, (10, 20)).astype(np.uint16), "stored"),
        (rng.normal(size=(10, 20)).astype(np.float32), "SUV"),
    ]:
        scan = fit(frame(values, units=units), StoreSettings(size=16))
        assert scan.pixels.dtype == values.dtype
        assert scan.pixels[0, :4].max() <= scan.low and scan.height == 8


def test_colour_becomes_grey_by_luminance_or_stays():
    values = np.zeros((8, 8, 3), np.uint8)
    values[..., 0], values[..., 1], values[..., 2] = 200, 100, 50
    assert (fit(frame(values), StoreSettings(size=8)).pixels == 124).all()  # 0.299*200 + 0.587*100 + 0.114*50 = 124.2
    colour = fit(frame(values), StoreSettings(size=8, channels=3)).pixels
    assert colour[:, 0, 0].tolist() == [200, 100, 50]


def test_grey_is_repeated_for_three_channels():
    values = np.arange(64, dtype=np.uint16).reshape(8, 8)
    pixels = fit(frame(values), StoreSettings(size=8, channels=3)).pixels
    assert (pixels == values).all() and pixels.shape == (3, 8, 8)


def test_values_that_are_not_finite_count_as_padding():
    values = np.ones((16, 16), np.float32)
    values[:, :2] = np.nan
    scan = fit(frame(values, units="SUV"), StoreSettings(size=8))
    assert np.isfinite(scan.pixels).all() and (scan.pixels == 1).all()


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (float("nan"), 1.0)])
def test_an_impossible_spacing_counts_as_none(spacing):
    scan = fit(frame(np.ones((8, 16), np.uint8), spacing_mm=spacing), StoreSettings(size=16))
    assert (scan.height, scan.width, scan.spacing_mm) == (8, 16, None)


def test_without_spacing_the_pixels_aspect_decides():
    scan = fit(frame(np.ones((8, 8), np.uint8), aspect=2.0), StoreSettings(size=16))
    assert (scan.height, scan.width, scan.spacing_mm) == (16, 8, None)


def test_rounding_is_to_the_nearest_and_within_the_type():
    values = np.array([[0, 1], [1, 1]], np.uint8).repeat(4, 0).repeat(4, 1)
    assert fit(frame(values), StoreSettings(size=8)).pixels.max() == 1
    edge = np.full((16, 16), 65535, np.uint16)
    assert (fit(frame(edge), StoreSettings(size=8)).pixels == 65535).all()


@pytest.mark.parametrize("size", [16, 33, 64, 100])
@pytest.mark.parametrize("values", [{}, {"slope": 0.5}, {"padding": -1024}])
def test_whole_values_are_fitted_as_their_rounded_ones_are(size, values):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 2000, (64, 48)).astype(np.int16)
    file = picture(
        pixels,
        "CT",
        RescaleSlope=str(values.get("slope", 1)),
        RescaleIntercept="-1024",
        **({"PixelPaddingValue": int(pixels[0, 0])} if "padding" in values else {}),
    )
    real = read_frame(file)
    plain = frame(real.training().copy(), units="HU", padding=real.padding, spacing_mm=real.spacing_mm, modality="CT")
    found, expected = fit(real, StoreSettings(size=size)), fit(plain, StoreSettings(size=size))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert (found.low, found.high) == (expected.low, expected.high)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("size", [8, 30, 61, 130])
def test_the_ends_of_a_type_stay_its_ends(kind, size):
    limits = np.iinfo(kind)
    values = np.random.default_rng(1).choice(np.array([limits.min, limits.max], kind), (61, 47))
    values[:20], values[40:] = limits.min, limits.max
    pixels = fit(
        frame(values, padding=np.random.default_rng(2).random((61, 47)) < 0.1), StoreSettings(size=size)
    ).pixels
    assert pixels.dtype == kind and (pixels.min(), pixels.max()) == (limits.min, limits.max)
    colour = np.repeat(values.astype(np.uint8)[..., None], 3, axis=2) if kind == np.uint8 else None
    if colour is not None:
        assert fit(frame(colour), StoreSettings(size=size)).pixels.max() == 255
