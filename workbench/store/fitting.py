"""Fitting a scan into the store's square: right proportions, right values, nothing invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.store.resampling import resample, resample_valid

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of R, G and B in grey: ITU-R BT.601, which DICOM's YBR_FULL uses (PS3.3 C.7.6.3.1.2)."""
AIR_HU = -1024.0
SAME_SPACING = 0.01


class Fitting(Protocol):
    """What decides how a scan is fitted; :class:`workbench.store.StoreSettings` is one."""

    @property
    def size(self) -> int:
        """Side of the square, pixels."""
        ...

    @property
    def channels(self) -> int:
        """1 or 3."""
        ...

    @property
    def ct_window(self) -> tuple[float, float]:
        """Display range of CT, HU."""
        ...

    @property
    def percentiles(self) -> tuple[float, float]:
        """Display range of other scans."""
        ...


class PlainFitting(NamedTuple):
    """A ``Fitting`` for other processes: settings models take longer to load there than a hundred pictures."""

    size: int
    channels: int
    ct_window: tuple[float, float]
    percentiles: tuple[float, float]

    @classmethod
    def of(cls, settings: Fitting) -> PlainFitting:
        """The same, plain."""
        return cls(settings.size, settings.channels, settings.ct_window, settings.percentiles)


@dataclass(frozen=True)
class FittedScan:
    """A scan as the store keeps it.

    Attributes:
        pixels: ``(C, size, size)`` in the scan's own number type and units.
        top, left, height, width: The valid box, pixels; outside it lies letterbox.
        spacing_mm: Distance between rows and between columns after resampling, mm, or None.
        low, high: Display range in the units of the pixels; values outside the valid box lie at or below ``low``.
        bits_stored: Of the original.
        modality: DICOM modality.
    """

    pixels: NDArray[Any]
    top: int
    left: int
    height: int
    width: int
    spacing_mm: tuple[float, float] | None
    low: float
    high: float
    bits_stored: int
    modality: str


def fitted_size(
    rows: int, columns: int, spacing_mm: tuple[float, float] | None, size: int, *, aspect: float = 1.0
) -> tuple[int, int, tuple[float, float] | None]:
    """Height and width, pixels, of a scan whose longer side fills ``size``, with square pixels; and its new spacing.

    Without a spacing, ``aspect`` tells a pixel's height over its width.
    """
    row_mm, column_mm = spacing_mm if spacing_mm else (aspect, 1.0)
    if abs(row_mm / column_mm - 1) <= SAME_SPACING:
        row_mm_used = column_mm_used = 1.0
    else:
        row_mm_used, column_mm_used = row_mm, column_mm
    tall, wide = rows * row_mm_used, columns * column_mm_used
    scale = size / max(tall, wide)
    height, width = max(1, round(tall * scale)), max(1, round(wide * scale))
    after = (row_mm * rows / height, column_mm * columns / width) if spacing_mm else None
    return height, width, after


def fit(frame: Any, settings: Fitting) -> FittedScan:
    """Fit one frame into the square.

    Pixels that are not square are made so, the picture is scaled until its longer side fills the square (averaging by
    area), and centred. Padding takes no part in any average.

    Args:
        frame: A :class:`workbench.dicom.Frame`.
        settings: Size, channels and display ranges.
    """
    stored = frame.training()
    kind = stored.dtype
    as_they_are = stored is frame.counts and frame.values.dtype == np.float32
    values = _channels(frame.values if as_they_are else np.asarray(stored, np.float32), settings.channels)
    rows, columns = values.shape[1:]
    valid = _valid(frame.padding if frame.padded else None, None if np.issubdtype(kind, np.integer) else values)
    spacing = _spacing(frame.spacing_mm)
    height, width, after = fitted_size(rows, columns, spacing, settings.size, aspect=frame.aspect)

    if valid is None:
        small = [resample(plane, height, width) for plane in values]
        inside = None
    else:
        pairs = [resample_valid(plane, valid, height, width) for plane in values]
        small, inside = [plane for plane, _ in pairs], pairs[0][1] > 1e-6
    picture = small[0][None] if len(small) == 1 else np.stack(small)
    kept = picture[:, inside] if inside is not None else picture
    hounsfield = frame.units == "HU"
    low, high = settings.ct_window if hounsfield else _display_range(kept, settings.percentiles)
    fill = _fill(kind, kept, min(AIR_HU, low) if hounsfield else None)
    if inside is not None:
        picture[:, ~inside] = fill  # resampled, so not the frame's own

    top, left = (settings.size - height) // 2, (settings.size - width) // 2
    pixels = _as_kind(picture, kind)
    if (height, width) != (settings.size, settings.size):
        square = np.full((settings.channels, settings.size, settings.size), fill, dtype=kind)
        square[:, top : top + height, left : left + width] = pixels
        pixels = square
    return FittedScan(
        pixels, top, left, height, width, after, float(low), float(high), int(frame.bits_stored or 0), frame.modality
    )


def _channels(values: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """``(rows, columns)`` or ``(rows, columns, 3)`` as ``(channels, rows, columns)``."""
    if values.ndim == 2:
        return np.broadcast_to(values, (channels, *values.shape))
    return (values @ LUMA)[None] if channels == 1 else np.moveaxis(values, 2, 0)


def _valid(padding: Any, values: NDArray[np.float32] | None) -> NDArray[np.bool_] | None:
    """Where pixels count, or None where all do; ``values`` are given where some may be no numbers."""
    bad = None if padding is None else np.asarray(padding, dtype=bool)
    if values is not None and not np.isfinite(values.sum()):
        nowhere = ~np.isfinite(values).all(axis=0)
        bad = nowhere if bad is None else np.logical_or(bad, nowhere)
    return np.logical_not(bad) if bad is not None and bad.any() else None


def _spacing(spacing: Any) -> tuple[float, float] | None:
    if spacing is None:
        return None
    row, column = float(spacing[0]), float(spacing[1])
    usable = np.isfinite([row, column]).all() and row > 0 and column > 0
    return (row, column) if usable else None


def _display_range(kept: NDArray[np.float32], percentiles: tuple[float, float]) -> tuple[float, float]:
    if kept.size == 0:
        return 0.0, 1.0
    places = [round(share / 100 * (kept.size - 1)) for share in percentiles]
    ordered = np.partition(kept, sorted(set(places)), axis=None)
    low, high = (float(ordered[place]) for place in places)
    return (low, high) if high > low else (low, low + 1.0)


def _fill(kind: np.dtype[Any], kept: NDArray[np.float32], wanted: float | None) -> float:
    """The value of letterbox and padding: never above any pixel, so that it is black in every display range."""
    if np.issubdtype(kind, np.unsignedinteger):
        return 0.0
    if wanted is None:
        return float(np.floor(kept.min())) if kept.size else 0.0
    return max(wanted, float(np.iinfo(kind).min)) if np.issubdtype(kind, np.integer) else wanted


def _as_kind(picture: NDArray[np.float32], kind: np.dtype[Any]) -> NDArray[Any]:
    """Rounded where the type asks for it; means of values that fit into it do so too."""
    return (np.rint(picture) if np.issubdtype(kind, np.integer) else picture).astype(kind)
