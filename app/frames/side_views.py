"""Side views: an even stack cut along its rows and along its columns, laid as radiologists are used to see it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.catalogue import Catalogue
from app.frames.coding import Coded, code
from workbench.cohort.volumes.volume import Volume
from workbench.dicom import Frame
from workbench.dicom.sides import Sides, letters, opposite
from workbench.errors import InputError

KEPT_BYTES = 2**30
ROWS, COLUMNS = 1, 2
"""Axes of a volume, along which a side view is numbered; 0 is the slices."""
PLANES = {
    # name: directions of its lines to the right and of its columns downwards; to the left, to the back, to the head
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
"""By the axis that they cut across: x, y, z."""


@dataclass(frozen=True)
class SideView:
    """How the planes across one axis of a volume are laid out.

    Attributes:
        axis: The axis that they cut across: 0 slices, 1 rows, 2 columns.
        name: ``axial``, ``coronal`` or ``sagittal``, whichever is nearest.
        lines, columns: The axes that run down and to the right.
        flip_lines, flip_columns: Whether they run backwards.
        spacing_mm: Between lines and between columns.
        sides: Of the picture.
    """

    axis: int
    name: str
    lines: int
    columns: int
    flip_lines: bool
    flip_columns: bool
    spacing_mm: tuple[float, float]
    sides: Sides

    def cut(self, values: NDArray[np.generic], place: int) -> NDArray[np.generic]:
        """One plane of ``values`` ``(slices, rows, columns)``."""
        plane = np.take(values, place, axis=self.axis)
        if self.lines > self.columns:
            plane = plane.T
        return plane[:: -1 if self.flip_lines else 1, :: -1 if self.flip_columns else 1]


def side_view(affine_lps: NDArray[np.float64], axis: int) -> SideView:
    """The layout of the planes across one axis of a volume.

    Args:
        affine_lps: ``(4, 4)``, from ``(column, row, slice, 1)`` to mm to the left, to the back and to the head.
        axis: 0 slices, 1 rows, 2 columns.
    """
    steps = {0: affine_lps[:3, 2], 1: affine_lps[:3, 1], 2: affine_lps[:3, 0]}
    lengths = {number: float(np.linalg.norm(step)) for number, step in steps.items()}
    units = {number: step / lengths[number] for number, step in steps.items()}
    name = list(PLANES)[int(np.argmax(np.abs(units[axis])))]
    right, down = (np.array(direction) for direction in PLANES[name])
    first, second = (number for number in steps if number != axis)
    if abs(units[first] @ down) + abs(units[second] @ right) < abs(units[second] @ down) + abs(units[first] @ right):
        first, second = second, first
    backwards = float(units[first] @ down) < 0, float(units[second] @ right) < 0
    below = letters((units[first] * (-1 if backwards[0] else 1)).tolist())
    beside = letters((units[second] * (-1 if backwards[1] else 1)).tolist())
    return SideView(
        axis=axis,
        name=name,
        lines=first,
        columns=second,
        flip_lines=backwards[0],
        flip_columns=backwards[1],
        spacing_mm=(lengths[first], lengths[second]),
        sides=Sides(opposite(beside), beside, opposite(below), below),
    )


def side_views(found: Catalogue, volume: str) -> list[tuple[SideView, int]]:
    """The layouts of a volume's slices, and of the planes across its rows and its columns, with how many there are.

    Raises:
        InputError: There is no such volume.
    """
    shape, affine = _described(found, volume)
    return [(side_view(affine, axis), shape[axis]) for axis in (0, ROWS, COLUMNS)]


def side_frame(found: Catalogue, volume: str, *, axis: int, place: int) -> Coded:
    """One plane of a volume, for the browser.

    Raises:
        InputError: There is no such plane, or the volume is too large to be held in memory here.
        OperationFailed: A slice cannot be decoded, has changed, or is gone.
    """
    held = _volumes.get(found, volume)
    view = side_view(held.affine_lps, axis)
    if not 0 <= place < held.values.shape[axis]:
        raise InputError("There are not so many planes in this view.")
    values = np.ascontiguousarray(view.cut(held.values, place), dtype=np.float32)
    frame = Frame(
        values=values,
        units=held.units,
        spacing_mm=view.spacing_mm,
        spacing_plane="patient",
        padding=np.zeros(values.shape, bool),
        bits_stored=16,
        signed=held.values.dtype.kind == "i",
        modality=held.modality,
        photometric="MONOCHROME2",
        window=None,
        aspect=view.spacing_mm[0] / view.spacing_mm[1],
        whole=held.values.dtype.kind in "iu",
    )
    return code(frame, sides=view.sides, rate=None)


def _described(found: Catalogue, volume: str) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    table = found.cohort.volumes
    rows: list[Any] = table[table["scan_id"] == volume].to_dict("records")
    if not rows:
        raise InputError("This stack is no volume.")
    row = rows[0]
    return (int(row["slices"]), int(row["rows"]), int(row["columns"])), np.array(row["affine_lps"]).reshape(4, 4)


class _Volumes:
    """The volumes last used, decoded once each."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[Catalogue, str], Volume] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, found: Catalogue, key: str) -> Volume:
        shape, _ = _described(found, key)
        if 2 * int(np.prod(shape)) > KEPT_BYTES:
            raise InputError("This stack is too large for side views.", todo="Scroll through its slices.")
        with self._lock:  # one at a time: the second who asks for the same volume finds it decoded
            volume = self._held.pop((found, key), None) or found.cohort.read_volume(key)
            self._held[found, key] = volume
            while len(self._held) > 1 and sum(one.values.nbytes for one in self._held.values()) > KEPT_BYTES:
                self._held.popitem(last=False)
        return volume


_volumes = _Volumes()
