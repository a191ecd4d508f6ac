"""One frame, calibrated: what everything after intake works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from workbench.dicom.classification import PROJECTIONS
from workbench.dicom.voi import Voi
from workbench.dicom.whole_numbers import whole_numbers

CT_PADDING_HU = -1024


@dataclass(frozen=True)
class Frame:
    """One frame after the modality and polarity steps. No window was applied.

    Attributes:
        values: float32 ``(rows, columns)``, larger is brighter; or ``(rows, columns, 3)`` in RGB.
        units: ``HU``, ``stored``, or as the file names them, such as ``BQML``.
        spacing_mm: Distance between rows and between columns, mm, or None.
        spacing_plane: Where it holds: ``patient``, ``detector``, ``scanned``, ``unknown`` or ``none``.
        padding: Bool ``(rows, columns)``: pixels that are no part of the picture.
        bits_stored: Bits of a stored value.
        signed: Whether stored values were signed.
        modality: Modality.
        photometric: Photometric interpretation in the file; ``values`` are MONOCHROME2 or RGB whatever it says.
        window: Centre and width for ``values``, the first that the file suggests, or None.
        inverted: Whether polarity was inverted, so that ``values`` are the ends' sum less what the file shows.
        ends: The values of the smallest and the largest number that can be stored.
        voi: Everything that the file suggests for display, for values before the inversion.
        aspect: Height of a pixel divided by its width.
        display_inverted: Whether a display must invert ``values``: measurements keep their sign, whatever the polarity.
        whole: Whether all values are whole numbers.
        extremes: The smallest and the largest value; taken from ``values`` where they are not given.
        flags: Findings, such as ``spacing_suspect`` or ``padding_inferred``.
    """

    values: np.ndarray
    units: str
    spacing_mm: tuple[float, float] | None
    spacing_plane: str
    padding: np.ndarray
    bits_stored: int
    signed: bool
    modality: str
    photometric: str
    window: tuple[float, float] | None
    inverted: bool = False
    ends: tuple[float, float] = (0.0, 0.0)
    voi: Voi = field(default_factory=Voi)
    aspect: float = 1.0
    display_inverted: bool = False
    whole: bool = False
    extremes: tuple[float, float] = (np.nan, np.nan)
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.isnan(self.extremes[0]) and self.values.size:
            object.__setattr__(self, "extremes", (float(self.values.min()), float(self.values.max())))

    @property
    def rows(self) -> int:
        """Height, pixels."""
        return self.values.shape[0]

    @property
    def columns(self) -> int:
        """Width, pixels."""
        return self.values.shape[1]

    @property
    def colour(self) -> bool:
        """Whether the frame is RGB."""
        return self.values.ndim == 3

    @cached_property
    def counts(self) -> np.ndarray | None:
        """``values`` as int16 or uint16, the first that holds them all exactly; None where neither does. Read only."""
        found = whole_numbers(self.values, self.extremes, known_whole=self.whole)
        if found is not None:
            found.flags.writeable = False
        return found

    @cached_property
    def padded(self) -> bool:
        """Whether any pixel is padding."""
        return bool(self.padding.any())

    def training(self) -> np.ndarray:
        """The values that a store keeps; read only where they are all of ``counts``.

        Returns:
            Same shape as ``values``: int16 for CT (HU, padding set to -1024); uint16 for radiographs, MR and nuclear
            medicine (int16 where stored values are signed); uint8 for colour, ultrasound and captures of at most
            8 bits; float32 for PET and quantitative maps.
        """
        if self.colour:
            shift = max(0, self.bits_stored - 8)
            return np.clip(np.floor(self.values / 2**shift), 0, 255).astype(np.uint8)
        if self.units == "HU":
            counts = self._integers(np.int16)
            return np.where(self.padding, np.int16(CT_PADDING_HU), counts) if self.padded else counts
        if self.modality in PROJECTIONS:
            return self._counts()
        low, high = min(self.ends), max(self.ends)
        if self.units != "stored" or low < -32768 or high > 65535:
            return self.values
        if low < 0:
            return self._integers(np.int16)
        narrow = high <= 255 and self.modality not in ("CT", "MR", "NM", "XA", "RF", "PT")
        return self._integers(np.uint8 if narrow else np.uint16)

    def _counts(self) -> np.ndarray:
        """A radiograph as uint16; where a slope led out of that range, on the scale of its stored values."""
        low, high = min(self.ends), max(self.ends)
        values = self.values
        if low < 0 or high > 65535 or (high - low) % (2**self.bits_stored - 1):
            top = min(2**self.bits_stored - 1, 65535)
            values = (values - np.float32(low)) * np.float32(top / (high - low) if high > low else 0.0)
            return np.clip(np.rint(values), 0, 65535).astype(np.uint16)
        return self._integers(np.uint16)

    def _integers(self, dtype: type[np.integer]) -> np.ndarray:
        """The values rounded and cut to a type's range, each step only where it can change something."""
        limits = np.iinfo(dtype)
        beyond = min(self.ends) < limits.min or max(self.ends) > limits.max
        if self.counts is not None and (self.counts.dtype == dtype or not beyond):
            return self.counts.astype(dtype, copy=False)
        values = self.values if self.whole else np.rint(self.values)
        return (np.clip(values, limits.min, limits.max) if beyond else values).astype(dtype)
