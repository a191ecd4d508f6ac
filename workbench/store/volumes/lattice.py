"""The grid of a volume: made even, made upright, given another spacing, turned; and the affine that goes with it.

Along every direction separately: downwards by the mean of what a voxel covers, upwards by linear interpolation between
centres, as ``store.resampling`` does for pictures, but to an exact distance. Arrays are ``(slices, rows, columns)``;
affines take ``(column, row, slice, 1)`` to LPS mm.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Values = NDArray[np.float32]
Affine = NDArray[np.float64]
SAME = 1e-4
UPRIGHT_LPS = np.eye(3)[:, ::-1]
"""Directions of the axes of an array that runs to the head, to the back and to the left, as columns."""


def along(values: Values, axis: int, matrix: csr_array) -> Values:
    """Apply a matrix ``(target, length)`` along one axis."""
    moved = np.moveaxis(values, axis, 0)
    flat = np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
    result = (matrix @ flat).reshape(matrix.shape[0], *moved.shape[1:])
    return np.ascontiguousarray(np.moveaxis(result, 0, axis), dtype=np.float32)


def step_weights(length: int, step: float) -> csr_array:
    """The matrix that takes ``length`` voxels to voxels ``step`` times as long, from the first one's outer face on."""
    target = max(1, round(length / step))
    places = np.arange(target, dtype=np.float64)
    if step > 1:
        start = np.minimum(places * step, length - 1e-9)
        end = np.minimum((places + 1) * step, length)
        columns = np.floor(start).astype(np.int64)[:, None] + np.arange(int(np.ceil(step)) + 1)
        values = np.clip(np.minimum(end[:, None], columns + 1) - np.maximum(start[:, None], columns), 0, None)
        values /= values.sum(axis=1, keepdims=True)
    else:
        columns, values = _linear((places + 0.5) * step - 0.5)
    return _matrix(np.clip(columns, 0, length - 1), values, length)


def place_weights(places: NDArray[np.float64], step: float) -> csr_array:
    """The matrix that takes slices at uneven ``places``, mm ascending, to even ones ``step`` mm apart, linearly."""
    target = int(np.floor((places[-1] - places[0]) / step + SAME)) + 1
    wanted = np.minimum(places[0] + step * np.arange(target), places[-1])
    left = np.clip(np.searchsorted(places, wanted, side="right") - 1, 0, len(places) - 2)
    share = np.clip((wanted - places[left]) / (places[left + 1] - places[left]), 0, 1)
    return _matrix(np.stack([left, left + 1], axis=1), np.stack([1 - share, share], axis=1), len(places))


def _linear(centres: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    left = np.floor(centres).astype(np.int64)
    return left[:, None] + np.arange(2), np.stack([left + 1 - centres, centres - left], axis=1)


def _matrix(columns: NDArray[np.int64], values: NDArray[np.float64], length: int) -> csr_array:
    rows = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
    kept = values > 1e-9
    entries = (values[kept].astype(np.float32), (rows[kept], columns[kept]))
    return csr_array(entries, shape=(len(columns), length))


def with_spacing(values: Values, affine: Affine, spacing_mm: tuple[float, float, float]) -> tuple[Values, Affine]:
    """The volume at another spacing, between slices, rows and columns; outer faces stay where they are at the start."""
    affine = affine.copy()
    for axis, wanted in enumerate(spacing_mm):
        column = 2 - axis
        step = wanted / float(np.linalg.norm(affine[:3, column]))
        if abs(step - 1) <= SAME:
            continue
        values = along(values, axis, step_weights(values.shape[axis], step))
        affine[:3, 3] += affine[:3, column] * (0.5 * step - 0.5)
        affine[:3, column] *= step
    return values, affine


def evened(values: Values, affine: Affine, offsets_mm: NDArray[np.float64]) -> tuple[Values, Affine]:
    """The volume with slices at their smallest usual distance: the median gap, where slices are missing or sparser.

    Args:
        values: Slices at uneven places.
        affine: Of the stack; its slice column leads from the first to the last in equal steps.
        offsets_mm: Of every slice from the first, along the normal.
    """
    gaps = np.diff(offsets_mm)
    step = float(np.median(gaps))
    thinnest = float(np.median(gaps[gaps < step])) if (gaps < 0.75 * step).sum() >= len(gaps) // 4 else step
    affine = affine.copy()
    affine[:3, 2] *= thinnest * (len(offsets_mm) - 1) / float(offsets_mm[-1] - offsets_mm[0])
    return along(values, 0, place_weights(offsets_mm, thinnest)), affine


def upright(values: Values, affine: Affine, fill: float) -> tuple[Values, Affine]:
    """A leaning stack on upright slices: each is shifted within its plane, onto a canvas that holds all of them.

    Args:
        values: Evenly spaced slices along a line that leans.
        affine: With a slice column that is not at right angles to the others.
        fill: Value of the canvas where no slice lies.
    """
    across, down, step = affine[:3, 0], affine[:3, 1], affine[:3, 2]
    shifts = [float(step @ side / (side @ side)) for side in (down, across)]
    normal = np.cross(across, down)
    normal /= np.linalg.norm(normal)
    last = values.shape[0] - 1
    lowest = [min(0.0, shift * last) for shift in shifts]
    size = [
        length + int(np.ceil(abs(shift * last) - 1e-9)) for length, shift in zip(values.shape[1:], shifts, strict=True)
    ]
    result = np.empty((values.shape[0], *size), np.float32)
    for number, plane in enumerate(values - np.float32(fill)):
        for axis in (0, 1):
            moved = shifts[axis] * number - lowest[axis]
            columns, weights = _linear(np.arange(size[axis]) - moved)
            inside = (columns >= 0) & (columns < plane.shape[axis])
            matrix = _matrix(
                np.clip(columns, 0, plane.shape[axis] - 1), np.where(inside, weights, 0), plane.shape[axis]
            )
            plane = matrix @ plane if axis == 0 else (matrix @ np.ascontiguousarray(plane.T)).T
        result[number] = plane
    affine = affine.copy()
    affine[:3, 3] += lowest[0] * down + lowest[1] * across
    affine[:3, 2] = normal * float(step @ normal)
    return result + np.float32(fill), affine


def turned_to_lps(values: NDArray, affine: Affine) -> tuple[NDArray, Affine]:
    """The same voxels with axes in the order and the sense of head, back, left, as near as can be; a view."""
    directions = affine[:3, [2, 1, 0]] / np.linalg.norm(affine[:3, [2, 1, 0]], axis=0)
    likeness = directions.T @ UPRIGHT_LPS  # of each axis of the array to each wanted one
    order = max(permutations(range(3)), key=lambda axes: sum(abs(likeness[axes[n], n]) for n in range(3)))
    turned = np.transpose(values, order)
    columns = [affine[:3, 2 - axis].copy() for axis in order]
    origin = affine[:3, 3].copy()
    for axis in range(3):
        if likeness[order[axis], axis] < 0:
            turned = np.flip(turned, axis)
            origin += columns[axis] * (turned.shape[axis] - 1)
            columns[axis] = -columns[axis]
    found = np.eye(4)
    found[:3, :3] = np.stack(columns[::-1], axis=1)
    found[:3, 3] = origin
    return turned, found
