from __future__ import annotations

import numpy as np
import pytest

from app.frames.coding import LARGEST, Coded, code
from tests.dicom.making import dataset, encode, item, set_words
from workbench.dicom import Frame, as_displayed, read_frame
from workbench.dicom.sides import Sides


def coded(frame: Frame, **options) -> Coded:
    return code(frame, sides=Sides("R", "L"), rate=None, **options)


def numbers(found: Coded, tone: bool = False) -> np.ndarray:
    facts = found.facts
    kind = {"int16": "<i2", "uint16": "<u2", "rgb": "u1"}[facts["kind"]]
    shape = (facts["rows"], facts["columns"]) + ((3,) if facts["kind"] == "rgb" else ())
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    assert len(found.body) == size + (65536 if tone else 0)
    return np.frombuffer(found.body[:size], kind).reshape(shape)


def test_hounsfield_units_arrive_exactly_with_the_files_windows() -> None:
    stored = np.array([[0, 24, 1024], [1064, 2000, 4095]], np.uint16)
    found = coded(
        read_frame(
            encode(
                dataset(
                    stored, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=[40, 400], WindowWidth=[400, 1800],
                    WindowCenterWidthExplanation=["SOFT", "BONE"], PixelSpacing=[0.5, 0.25],
                )
            )
        )
    )  # fmt: skip
    assert numbers(found).tolist() == [[-1024, -1000, 0], [40, 976, 3071]]
    facts = found.facts
    assert (facts["kind"], facts["slope"], facts["intercept"], facts["units"]) == ("int16", 1.0, 0.0, "HU")
    assert facts["windows"] == [[40.0, 400.0, "SOFT"], [400.0, 1800.0, "BONE"]]
    assert facts["spacing"] == (0.5, 0.25) and facts["plane"] == "patient" and facts["aspect"] == 2.0
    assert (facts["height"], facts["width"], facts["rows"], facts["columns"], facts["step"]) == (2, 3, 2, 3, 1)
    assert facts["sides"] == {"left": "R", "right": "L", "top": "", "bottom": ""}
    assert not facts["tone"] and not facts["invert"]


def test_padding_has_a_number_of_its_own() -> None:
    stored = np.array([[-2000, 0], [100, 200]], np.int16)
    found = coded(read_frame(encode(dataset(stored, PixelPaddingValue=-2000, RescaleSlope=1, RescaleIntercept=0))))
    assert found.facts["padding"] == -32768
    assert numbers(found).tolist() == [[-32768, 0], [100, 200]]
    assert coded(read_frame(encode(dataset(stored)))).facts["padding"] is None


def test_a_dark_is_bright_radiograph_arrives_turned_with_its_window_turned() -> None:
    stored = np.array([[0, 4095]], np.uint16)
    film = dataset(
        stored, "DX", PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11, WindowCenter=1000,
        WindowWidth=500,
    )  # fmt: skip
    found = coded(read_frame(encode(film)))
    assert numbers(found).tolist() == [[4095, 0]]
    assert found.facts["windows"] == [[3096.0, 500.0, ""]]


def test_fractions_come_as_numbers_with_a_slope() -> None:
    values = np.linspace(-1.5, 2.5, 12, dtype=np.float32).reshape(3, 4)
    found = coded(frame_of(values, units="BQML"))
    facts = found.facts
    back = facts["slope"] * numbers(found) + facts["intercept"]
    assert np.abs(back - values).max() <= 4.0 / 65534
    assert back[0, 0] == -1.5 and facts["kind"] == "uint16"


def test_a_flat_picture_of_fractions_stays_flat() -> None:
    found = coded(frame_of(np.full((2, 2), 0.25, np.float32)))
    assert (found.facts["slope"] * numbers(found) + found.facts["intercept"]).tolist() == [[0.25] * 2] * 2


def test_what_is_no_number_does_not_break_it() -> None:
    found = coded(frame_of(np.array([[np.nan, 1.5], [np.inf, 2.5]], np.float32)))
    back = found.facts["slope"] * numbers(found) + found.facts["intercept"]
    assert back[0, 1] == pytest.approx(1.5, abs=1e-4) and back[1, 1] == pytest.approx(2.5)


def test_colours_come_as_bytes() -> None:
    pixels = np.array([[[0, 128, 255], [9, 8, 7]]], np.uint8)
    found = coded(read_frame(encode(dataset(pixels, "US"))))
    assert found.facts["kind"] == "rgb" and numbers(found).tolist() == pixels.tolist()


def test_a_tone_curve_of_the_maker_comes_with_the_frame() -> None:
    stored = np.array([[0, 1], [2, 3]], np.uint16)
    table = item()
    set_words(table, "LUTDescriptor", "US", [4, 0, 8])
    set_words(table, "LUTData", "OW", np.array([0, 10, 100, 255], "<u2").tobytes())
    frame = read_frame(encode(dataset(stored, "DX", BitsStored=12, HighBit=11, VOILUTSequence=[table])))
    found = coded(frame)
    assert found.facts["tone"] and found.facts["kind"] == "int16"
    curve = np.frombuffer(found.body[-65536:], np.uint8)
    shown = curve[numbers(found, tone=True).astype(int) + 32768]
    assert shown.tolist() == np.rint(255 * as_displayed(frame)).astype(int).tolist() == [[0, 10], [100, 255]]


def test_a_large_picture_comes_in_half_unless_all_of_it_is_wanted() -> None:
    stored = np.zeros((LARGEST + 2, 4), np.uint16)
    stored[0:2, 0:2] = [[100, 200], [300, 400]]
    frame = read_frame(encode(dataset(stored, "DX")))
    small = coded(frame)
    assert (small.facts["step"], small.facts["rows"], small.facts["columns"]) == (2, LARGEST // 2 + 1, 2)
    assert (small.facts["height"], small.facts["width"]) == (LARGEST + 2, 4)
    assert numbers(small)[0].tolist() == [250, 0]
    assert np.array_equal(numbers(coded(frame, full=True)), stored)


def frame_of(values: np.ndarray, **facts) -> Frame:
    given = {
        "units": "stored", "spacing_mm": None, "spacing_plane": "none", "padding": np.zeros(values.shape, bool),
        "bits_stored": 16, "signed": True, "modality": "PT", "photometric": "MONOCHROME2", "window": None,
    }  # fmt: skip
    return Frame(values=values, **{**given, **facts})
