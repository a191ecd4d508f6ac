from __future__ import annotations

import numpy as np

from app.components.window_controls import CT_PRESETS, Window, presets


def test_the_window_maps_its_ends_to_black_and_white() -> None:
    values = np.array([[-1000.0, -160.0, 40.0, 240.0, 3000.0]], np.float32)
    assert Window(40, 400).grey(values).tolist() == [[0, 0, 128, 255, 255]]
    assert Window(40, 400, invert=True).grey(values).tolist() == [[255, 255, 127, 0, 0]]


def test_values_that_are_no_number_are_black() -> None:
    assert Window(0, 2).grey(np.array([[np.nan, 1.0]], np.float32)).tolist() == [[0, 255]]


def test_colours_stay_as_they_are() -> None:
    colour = np.array([[[0, 128, 255]]], np.float32)
    assert Window(127.5, 255).grey(colour).tolist() == [[[0, 128, 255]]]
    assert Window(127.5, 255).grey(colour / 255).tolist() == [[[0, 128, 255]]]


def test_presets_fit_the_kind_of_picture() -> None:
    values = np.linspace(-1000, 1000, 2001, dtype=np.float32).reshape(1, -1)
    ct = presets(values, "HU", (50.0, 350.0))
    assert list(ct) == ["As stored", *CT_PRESETS, "Fitted", "More contrast", "Everything"]
    assert ct["As stored"] == Window(50, 350)
    assert ct["Everything"] == Window(0, 2000)
    assert ct["Fitted"] == Window(0, 1960)
    xray = presets(values, "stored", None)
    assert list(xray) == ["Fitted", "More contrast", "Everything"]
    flat = presets(np.full((2, 2), 7.0, np.float32), "stored", (3.0, 0.0))
    assert flat["Fitted"] == Window(7, 1)
