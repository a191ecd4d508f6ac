"""A frame as the browser gets it: 16-bit numbers, and the facts that turn them into greys and millimetres.

Body: the numbers row by row, little-endian (or red, green and blue bytes), then, where the file brings a tone curve
that is no straight line, 65,536 bytes: the grey of every number from the smallest to the largest.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.dicom import Frame, as_displayed
from workbench.dicom.display import fallback_window
from workbench.dicom.polarity import invert_window
from workbench.dicom.sides import Sides

SAMPLED = 40_000
LARGEST = 2048
"""Longest side that is sent at first; all pixels follow when they are asked for."""


@dataclass(frozen=True)
class Coded:
    """A frame for the browser.

    Attributes:
        facts: What the viewer needs to know; see ``code``.
        body: The pixels, and the tone curve if there is one.
    """

    facts: dict[str, Any]
    body: bytes


def code(frame: Frame, *, sides: Sides, rate: float | None, full: bool = False) -> Coded:
    """Code a frame; at most 2,048 pixels long unless ``full``.

    Facts: ``kind`` is ``int16``, ``uint16`` or ``rgb``; a value is ``slope * number + intercept``; ``padding`` is the
    number that stands for pixels outside the picture, or None; ``windows`` are ``[centre, width, name]`` for these
    values, the file's first; ``fitted`` is the window from the 1st to the 99th percentile; ``function`` is how the
    window works; ``tone`` tells of a curve at the end of the body; ``invert`` that white and black are to be swapped.
    ``spacing`` is of a pixel in the file, mm, with the ``plane`` where it holds; ``height`` and ``width`` count the
    file's pixels, ``rows`` and ``columns`` those that are sent.

    Args:
        frame: The frame.
        sides: Where its sides lie in the patient.
        rate: Frames per second, if the file says so.
        full: Whether all pixels are wanted, however many.
    """
    height, width = frame.values.shape[:2]
    step = 1 if full else math.ceil(max(height, width) / LARGEST)
    facts: dict[str, Any] = {
        "height": height,
        "width": width,
        "step": step,
        "aspect": frame.aspect,
        "units": frame.units,
        "spacing": frame.spacing_mm,
        "plane": frame.spacing_plane,
        "sides": asdict(sides),
        "rate": rate,
    }
    if frame.colour:
        facts |= {"kind": "rgb", "slope": 1.0, "intercept": 0.0, "padding": None, "windows": []}
        facts |= {"fitted": [127.5, 255.0], "function": "LINEAR_EXACT", "tone": False, "invert": False}
        shown = _halved(as_displayed(frame), step)
        numbers = np.rint(255 * shown).astype(np.uint8)
        tone = b""
    else:
        numbers, scale = _numbers(frame, step)
        facts |= scale | _windows(frame)
        tone = _tone(frame, scale) if facts["tone"] else b""
    facts |= {"rows": numbers.shape[0], "columns": numbers.shape[1]}
    return Coded(facts, numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes() + tone)


def _numbers(frame: Frame, step: int) -> tuple[NDArray[Any], dict[str, Any]]:
    """16-bit numbers, and how they become values again: exact where the values are whole and few enough."""
    padding = frame.padding[step // 2 :: step, step // 2 :: step] if step > 1 else frame.padding
    if frame.counts is not None:
        numbers = frame.counts
        if step > 1:
            numbers = np.rint(_halved(numbers.astype(np.float32), step)).astype(numbers.dtype)
        slope, intercept = 1.0, 0.0
        limits = np.iinfo(numbers.dtype)
        outside = limits.min if limits.min < 0 else limits.max
    else:
        values = np.nan_to_num(_halved(frame.values, step), posinf=0.0, neginf=0.0)
        inside = values if padding.all() else values[~padding[: values.shape[0], : values.shape[1]]]
        intercept, top = float(inside.min()), float(inside.max())
        slope, outside = max(top - intercept, 1e-12) / 65534, 65535
        numbers = np.clip(np.rint((values - intercept) / slope), 0, 65534).astype(np.uint16)
    padding = padding[: numbers.shape[0], : numbers.shape[1]]
    code = None
    if padding.any() and not (numbers[~padding] == outside).any():
        numbers, code = np.where(padding, numbers.dtype.type(outside), numbers), int(outside)
    kind = "int16" if numbers.dtype.kind == "i" else "uint16"
    return numbers, {"kind": kind, "slope": slope, "intercept": intercept, "padding": code}


def _windows(frame: Frame) -> dict[str, Any]:
    windows = []
    for window in frame.voi.windows:
        centre, width = window.centre, window.width
        if frame.inverted:
            centre, width = invert_window((centre, width), frame.ends)
        windows.append([centre, width, window.explanation[:24]])
    every = max(1, math.isqrt(frame.values.size // SAMPLED))  # thousands of pixels tell the percentiles well enough
    fitted = fallback_window(frame.values[::every, ::every], frame.padding[::every, ::every])
    first = frame.voi.windows[0].function if frame.voi.windows else "LINEAR"
    return {
        "windows": windows,
        "fitted": [fitted.centre, fitted.width],
        "function": "LINEAR_EXACT" if first == "LINEAR_EXACT" else "LINEAR",
        "tone": bool(frame.voi.tables) or first == "SIGMOID",
        "invert": frame.display_inverted,
    }


def _tone(frame: Frame, scale: dict[str, Any]) -> bytes:
    """The grey of each of the 65,536 numbers, as the file's own table or curve has it, before ``invert``."""
    low = -32768 if scale["kind"] == "int16" else 0
    values = (np.arange(low, low + 65536, dtype=np.float64) * scale["slope"] + scale["intercept"]).astype(np.float32)
    every = replace(frame, values=values.reshape(256, 256), padding=np.zeros((256, 256), bool), display_inverted=False)
    return np.rint(255 * as_displayed(every)).astype(np.uint8).tobytes()


def _halved(values: NDArray[Any], step: int) -> NDArray[Any]:
    """Means of squares of ``step`` pixels; what is left over at the right and at the bottom is dropped."""
    if step == 1:
        return values
    rows, columns = values.shape[0] // step * step, values.shape[1] // step * step
    squares = values[:rows, :columns].reshape(rows // step, step, columns // step, step, *values.shape[2:])
    return squares.mean(axis=(1, 3), dtype=np.float32)
