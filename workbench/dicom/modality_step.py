"""The modality step: stored values to the values that mean something, by rules of each modality (PS3.3 C.11.1).

CT becomes Hounsfield units. PET becomes activity. MR stays as stored unless it is a quantitative map, because its
rescale is often a display's (the modality LUT is no part of the MR image). XA and RF stay as stored, because their
table leads back to beam intensity. Ultrasound, nuclear medicine and captures have no such step. The rest, radiographs
first, take the table or the slope that they have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.dicom.attributes import Attributes
from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.lookup_table import LookupTable, read_table
from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.pixel_format import PixelFormat
from workbench.dicom.tags import name

UNTOUCHED = ("XA", "RF", "US", "IVUS", "NM", "OT", "SC")
_MAPS = frozenset({"ADC", "T1", "T1 MAP", "T2", "T2 MAP", "T2 STAR MAP", "T2* MAP", "FAT FRACTION", "EADC", "R2 MAP"})
_MAPS_JOINED = frozenset(word.replace(" ", "").replace("_", "") for word in _MAPS)
_NO_UNIT = ("", "1", "NO UNITS", "{NO UNITS}")


@dataclass(frozen=True)
class ModalityStep:
    """What the modality step does to one frame.

    Attributes:
        units: ``HU``, ``stored``, or as the file names them.
        slope: Factor, 1 without effect.
        intercept: Added after it.
        table: A lookup table instead of both, or None.
        physical: Whether the values are measurements, of which polarity is no part.
    """

    units: str = "stored"
    slope: float = 1.0
    intercept: float = 0.0
    table: LookupTable | None = None
    physical: bool = False

    @property
    def whole(self) -> bool:
        """Whether whole numbers stay whole."""
        return self.table is not None or (float(self.slope).is_integer() and float(self.intercept).is_integer())

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Apply it.

        Args:
            values: Stored values, any shape.

        Returns:
            float32, same shape, in ``units``.
        """
        if self.table is not None:
            return self.table.apply(values)
        found = values.astype(np.float32)
        if self.slope != 1.0:
            found *= np.float32(self.slope)
        if self.intercept != 0.0:
            found += np.float32(self.intercept)
        return found

    def ends(self, form: PixelFormat) -> tuple[float, float]:
        """The images of the smallest and the largest value that can be stored: they swap when polarity is inverted."""
        if self.table is not None:
            return 0.0, float(self.table.top)
        low, high = form.ends
        return low * self.slope + self.intercept, high * self.slope + self.intercept


def modality_step(attributes: FrameAttributes, form: PixelFormat, *, modality: str, frame: int) -> ModalityStep:
    """The modality step of one frame.

    Args:
        attributes: The instance's attributes.
        form: How its picture is stored.
        modality: Its modality.
        frame: Which frame, from 0.

    Raises:
        FileRefused: ``bad_geometry`` where a modality LUT is there but cannot be read.
    """
    root = attributes.root
    if form.samples != 1 or form.palette or modality in UNTOUCHED:
        return ModalityStep()
    if modality == "MR":
        return _map(attributes, frame) if _is_map(root) else ModalityStep()
    table = _table(root, form)
    if table is not None:
        item = root.item("ModalityLUTSequence")
        return ModalityStep(_units(item.text("ModalityLUTType") if item else "", modality), table=table)
    slope, intercept, kind = _rescale(attributes, frame)
    if slope is None and intercept is None:
        return ModalityStep("stored")
    if modality == "PT":
        return ModalityStep(root.code("Units") or "stored", slope or 1.0, intercept or 0.0, physical=True)
    units = _units(kind, modality)
    return ModalityStep(units, slope or 1.0, intercept or 0.0, physical=units == "HU")


def _units(kind: str, modality: str) -> str:
    kind = kind.strip().upper()
    if modality == "CT" and kind in ("", "HU", "US"):  # US says "unspecified"; a CT's rescale is in HU by PS3.3 C.8.2.1
        return "HU"
    return kind if kind not in ("", "US") else "stored"


def _rescale(attributes: FrameAttributes, frame: int) -> tuple[float | None, float | None, str]:
    group = "PixelValueTransformationSequence"
    found = attributes.find(group, "RescaleSlope", frame)
    if "RescaleSlope" not in found:
        found = attributes.find(group, "RescaleIntercept", frame)
    slope, intercept = found.number("RescaleSlope"), found.number("RescaleIntercept")
    return slope if slope != 0.0 else None, intercept, found.text("RescaleType")


def _table(root: Attributes, form: PixelFormat) -> LookupTable | None:
    item = root.item("ModalityLUTSequence")
    if item is None or "LUTData" not in item:
        return None
    low, high = form.ends
    table = read_table(item, lowest=low, highest=high)
    if table is None:
        raise FileRefused(Outcome.BAD_GEOMETRY, f"{name('ModalityLUTSequence')} cannot be read")
    return table


def _is_map(root: Attributes) -> bool:
    words = {word.upper().replace(" ", "").replace("_", "") for word in root.texts("ImageType")[2:]}
    return bool(words & _MAPS_JOINED)


def _map(attributes: FrameAttributes, frame: int) -> ModalityStep:
    """A quantitative map: its real-world values, else its rescale."""
    group = "RealWorldValueMappingSequence"
    item = attributes.find(group, "RealWorldValueSlope", frame)
    if item is attributes.root:
        item = attributes.root.item(group) or item
    slope, intercept = item.number("RealWorldValueSlope"), item.number("RealWorldValueIntercept")
    if slope:
        unit = item.item("MeasurementUnitsCodeSequence")
        code = unit.text("CodeValue") if unit else ""
        return ModalityStep(code if code.upper() not in _NO_UNIT else "map", slope, intercept or 0.0, physical=True)
    slope, intercept, kind = _rescale(attributes, frame)
    if slope is None and intercept is None:
        return ModalityStep()
    return ModalityStep(_units(kind, "MR"), slope or 1.0, intercept or 0.0, physical=True)
