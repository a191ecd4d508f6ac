"""Window centre and width, presets, and inversion: how values become greys, at display time only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

CT_PRESETS = {"Lung": (-600.0, 1500.0), "Soft tissue": (40.0, 400.0), "Bone": (400.0, 1800.0), "Brain": (40.0, 80.0)}
"""Centre and width in HU; the values in common clinical use."""


@dataclass(frozen=True)
class Window:
    """How values become greys.

    Attributes:
        centre, width: In the picture's units.
        invert: White and black swapped.
    """

    centre: float
    width: float
    invert: bool = False

    def grey(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """``(rows, columns)`` values as greys 0 to 255, or ``(rows, columns, 3)`` colours as they are.

        Linear between ``centre - width / 2`` and ``centre + width / 2`` (DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT).
        """
        if values.ndim == 3:
            shown = np.clip(values if values.max(initial=0) > 1.5 else 255 * values, 0, 255)
        else:
            low = self.centre - self.width / 2
            shown = np.clip((values - low) / max(self.width, 1e-6), 0, 1) * 255
        grey = np.rint(np.nan_to_num(shown)).astype(np.uint8)
        return 255 - grey if self.invert else grey


def presets(values: NDArray[np.floating], units: str, stored: tuple[float, float] | None) -> dict[str, Window]:
    """The windows that a picture offers by name, the first of them to begin with.

    Args:
        values: ``(rows, columns)``, calibrated.
        units: ``HU`` for CT.
        stored: Centre and width in the file, if it has them.
    """
    found: dict[str, Window] = {}
    if stored and stored[1] > 0:
        found["As stored"] = Window(*stored)
    if units == "HU":
        found.update({name: Window(*pair) for name, pair in CT_PRESETS.items()})
    for name, share in (("Fitted", 1.0), ("More contrast", 10.0)):
        low, high = np.percentile(values, (share, 100 - share))
        found[name] = Window(float(low + high) / 2, max(float(high - low), 1.0))
    low, high = float(values.min()), float(values.max())
    found["Everything"] = Window((low + high) / 2, max(high - low, 1.0))
    return found


def window_controls(key: str, values: NDArray[np.floating], units: str, stored: tuple[float, float] | None) -> Window:
    """Draw presets, sliders and the inversion switch; returns the chosen window."""
    choices = presets(values, units, stored)
    centre_key, width_key = f"centre-{key}", f"width-{key}"

    def take() -> None:
        window = choices.get(st.session_state.get(f"preset-{key}") or "")
        if window:
            st.session_state[centre_key], st.session_state[width_key] = window.centre, window.width

    first = next(iter(choices.values()))
    low = min(float(values.min()), *(w.centre - w.width / 2 for w in choices.values()))
    high = max(float(values.max()), *(w.centre + w.width / 2 for w in choices.values()))
    reach = max(high - low, 1.0)
    step, form = (1.0, "%.0f") if reach > 20 else (reach / 200, "%.3g")
    st.session_state.setdefault(centre_key, first.centre)
    st.session_state.setdefault(width_key, first.width)
    st.segmented_control(
        "Window",
        list(choices),
        default=next(iter(choices)),
        key=f"preset-{key}",
        on_change=take,
        required=True,
        wrap=True,
    )
    suffix = " (HU)" if units == "HU" else ""
    centre = st.slider(f"Brightness: window centre{suffix}", low, high, step=step, format=form, key=centre_key)
    width = st.slider(f"Contrast: window width{suffix}", min(step, reach), reach, step=step, format=form, key=width_key)
    invert = st.toggle("Swap black and white (invert)", key=f"invert-{key}")
    return Window(float(centre), float(width), bool(invert))
