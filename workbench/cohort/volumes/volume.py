"""One volume: its slices decoded, in order, and where they lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.volumes.affine import spacing_of, to_ras

if TYPE_CHECKING:
    from workbench.dicom.image import Image


class SliceFile(NamedTuple):
    """Where a slice lies.

    Attributes:
        path: Its file.
        frame: Frame in the file, from 0.
        pixel_hash: What its pixels hash to, or '' where that is not to be checked.
    """

    path: str
    frame: int
    pixel_hash: str = ""


@dataclass(frozen=True)
class VolumeFiles:
    """What is needed to read a volume, in any process.

    Attributes:
        scan_id: Its key.
        slices: In order along the normal.
        affine_lps: 16 numbers, row by row; see ``Volume``.
        rescaled: Whether the slices' own rescale makes them comparable.
        offsets_mm: Of every slice along the normal, where slices are not evenly spaced; else empty.
    """

    scan_id: str
    slices: tuple[SliceFile, ...]
    affine_lps: tuple[float, ...]
    rescaled: bool = False
    offsets_mm: tuple[float, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A volume.

    Attributes:
        scan_id: Its key.
        values: ``(slices, rows, columns)``: int16 where all values fit (CT in HU, padding at -1024; MR as stored),
            else uint16; float32 for PET, quantitative maps and MR whose rescale changes from slice to slice.
        affine_lps: ``(4, 4)``, from ``(column, row, slice, 1)`` to mm to the left, to the back and to the head.
        units: ``HU``, ``stored``, ``rescaled``, or as the files name them.
        modality: Modality.
    """

    scan_id: str
    values: NDArray[Any]
    affine_lps: NDArray[np.float64]
    units: str
    modality: str

    @property
    def affine_ras(self) -> NDArray[np.float64]:
        """The affine of NIfTI's world, for the transposed array ``values.T``, ``(columns, rows, slices)``."""
        return to_ras(self.affine_lps)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distances between slices, between rows and between columns."""
        return spacing_of(self.affine_lps)


class SliceChanged(Exception):
    """A slice's pixels differ from those that were indexed."""


def read_volume(files: VolumeFiles) -> Volume:
    """Decode the slices of a volume.

    Raises:
        FileRefused: A slice cannot be decoded.
        SliceChanged: A slice is not the one that was indexed.
    """
    from workbench.dicom import open_image
    from workbench.dicom.slice_facts import slice_facts

    values: NDArray[Any] | None = None
    path, image = "", None
    units = modality = ""
    for place, item in enumerate(files.slices):
        if image is None or path != item.path:  # the frames of one file come one after another
            path, image = item.path, open_image(Path(item.path))
        plane, units, modality = _plane(image, item, slice_facts if files.rescaled else None)
        if values is None:
            values = np.empty((len(files.slices), *plane.shape), plane.dtype)
        if plane.shape != values.shape[1:]:
            raise SliceChanged
        if plane.dtype != values.dtype:
            values = values.astype(np.result_type(values.dtype, plane.dtype))
        values[place] = plane
    if values is None:
        raise ValueError("a volume has slices")
    return Volume(files.scan_id, narrowed(values), np.array(files.affine_lps).reshape(4, 4), units, modality)


def _plane(image: Image, item: SliceFile, facts: Any) -> tuple[NDArray[Any], str, str]:
    from workbench.cohort.pixel_hashes import pixel_hash

    frame = image.frame(item.frame)
    if item.pixel_hash and pixel_hash(frame.values if frame.counts is None else frame.counts) != item.pixel_hash:
        raise SliceChanged
    if facts is None or frame.units != "stored":
        return frame.training(), frame.units, frame.modality
    found = facts(image, item.frame)
    slope = 1.0 if found is None or found.slope is None else found.slope
    intercept = 0.0 if found is None or found.intercept is None else found.intercept
    return frame.values * np.float32(slope) + np.float32(intercept), "rescaled", frame.modality


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """The same values as int16 where they are whole numbers that fit, else as uint16, else as float32."""
    if values.dtype == np.int16 or values.dtype.kind == "f":
        return values.astype(np.float32, copy=False) if values.dtype.kind == "f" else values
    low, high = int(values.min()), int(values.max())
    if low >= -32768 and high <= 32767:
        return values.astype(np.int16)
    if low >= 0 and high <= 65535:
        return values.astype(np.uint16, copy=False)
    return values.astype(np.float32)
