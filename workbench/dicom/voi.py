"""The values of interest: windows and tables that a file suggests for display (PS3.3 C.11.2), read and applied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.lookup_table import LookupTable, read_table

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Window:
    """A window of interest.

    Attributes:
        centre: Its centre, in the units of the values.
        width: Its width, same units.
        function: ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.
        explanation: What the file calls it.
    """

    centre: float
    width: float
    function: str = "LINEAR"
    explanation: str = ""

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Map values to [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3).

        A LINEAR width below 1, which the standard forbids and parametric pictures have, is taken as LINEAR_EXACT.

        Args:
            values: Any shape, in the window's units.

        Returns:
            float32 in [0, 1], same shape.
        """
        x = values.astype(np.float64)
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                return (1.0 / (1.0 + np.exp(-4.0 * (x - self.centre) / self.width))).astype(np.float32)
        if self.function == "LINEAR_EXACT" or self.width < 1:
            return np.clip((x - self.centre) / self.width + 0.5, 0.0, 1.0).astype(np.float32)
        if self.width == 1:
            return (x > self.centre - 0.5).astype(np.float32)
        return np.clip((x - (self.centre - 0.5)) / (self.width - 1.0) + 0.5, 0.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Voi:
    """What a file suggests for the display of one frame: tables first, then windows."""

    tables: tuple[LookupTable, ...] = ()
    windows: tuple[Window, ...] = ()

    @property
    def presets(self) -> tuple[LookupTable | Window, ...]:
        """All suggestions, the default first."""
        return (*self.tables, *self.windows)


def read_voi(attributes: FrameAttributes, *, ends: tuple[float, float], frame: int) -> Voi:
    """What a file suggests for one frame. Windows without a positive width are left out.

    Args:
        attributes: The instance's attributes.
        ends: The smallest and the largest value after the modality step.
        frame: Which frame, from 0.
    """
    group = "FrameVOILUTSequence"
    found = attributes.find(group, "WindowCenter", frame)
    widths, centres = found.numbers("WindowWidth"), found.numbers("WindowCenter")
    function = found.code("VOILUTFunction")
    function = function if function in FUNCTIONS else "LINEAR"
    names = found.texts("WindowCenterWidthExplanation")
    windows = []
    for number, centre in enumerate(centres if widths else []):
        width = widths[number] if number < len(widths) else widths[0]
        if width > 0:
            windows.append(Window(centre, width, function, names[number] if number < len(names) else ""))
    low, high = min(ends), max(ends)
    holder = attributes.find(group, "VOILUTSequence", frame)
    tables = (read_table(item, lowest=low, highest=high) for item in holder.items("VOILUTSequence"))
    return Voi(tuple(table for table in tables if table is not None), tuple(windows))
