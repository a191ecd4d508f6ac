"""From the index of a voxel to its place in the patient.

The convention is DICOM's: ``affine_lps`` takes ``(column, row, slice, 1)``, all counted from 0, to millimetres in the
patient's coordinates, which grow to the left, to the back and to the head (PS3.3 C.7.6.2.1.1). NIfTI's world grows to
the right, to the front and to the head: ``to_ras``. Arrays are ``(slices, rows, columns)``, so NIfTI's array is their
transpose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_ras(affine_lps: Vectors) -> Vectors:
    """The same affine ``(4, 4)`` for a world that grows to the right, to the front and to the head (NIfTI)."""
    return LPS_TO_RAS @ affine_lps


def normal(orientation: Vectors) -> Vectors:
    """The normal of a plane, row x column, of length 1; ``(..., 6)`` to ``(..., 3)``."""
    found = np.cross(orientation[..., :3], orientation[..., 3:])
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def affine_lps(orientation: Vectors, spacing_mm: tuple[float, float], origin: Vectors, step: Vectors) -> Vectors:
    """The affine of a stack.

    Args:
        orientation: Directions of a row and of a column, ``(6,)``.
        spacing_mm: Between rows and between columns.
        origin: Centre of the first slice's first pixel, LPS mm.
        step: From one slice to the next, LPS mm: (last - first) / (slices - 1).

    Returns:
        ``(4, 4)``, from ``(column, row, slice, 1)`` to LPS mm.
    """
    found = np.eye(4)
    between_rows, between_columns = spacing_mm
    found[:3, 0] = orientation[:3] * between_columns
    found[:3, 1] = orientation[3:] * between_rows
    found[:3, 2] = step
    found[:3, 3] = origin
    return found


def spacing_of(affine: Vectors) -> tuple[float, float, float]:
    """Distances between slices, rows and columns, mm: in the order of the array's axes."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return float(lengths[2]), float(lengths[1]), float(lengths[0])


def lean_deg(step: Vectors, direction: Vectors) -> float:
    """Angle between the way from slice to slice and the normal, degrees; that of the gantry's tilt."""
    length = float(np.linalg.norm(step))
    if length == 0.0:
        return 0.0
    along = abs(float(step @ direction)) / length
    across = float(np.linalg.norm(np.cross(step, direction))) / length
    return float(np.degrees(np.arctan2(across, along)))
