"""What a worker does with one volume: decode its slices, bring them onto their grid, write one file and its record."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.volumes.affine import lean_deg, normal, spacing_of
from workbench.cohort.volumes.volume import SliceChanged, Volume, VolumeFiles, read_volume
from workbench.store.reasons import Changed, reason
from workbench.store.volumes import lattice
from workbench.store.volumes.settings import VolumeSettings
from workbench.store.whole_file import whole_file

FULL = (errno.ENOSPC, errno.EDQUOT)
AIR_HU = -1024.0
LEAST_LEAN_DEG = 0.01
MOST_FOR_PERCENTILES = 4_000_000
MAX_VOXELS = 2**31


@dataclass(frozen=True)
class VolumeTask:
    """One volume to be written.

    Attributes:
        folder: The store's folder.
        files: Its slices.
        settings: How it is kept.
    """

    folder: Path
    files: VolumeFiles
    settings: VolumeSettings


@dataclass(frozen=True)
class VolumeReport:
    """What became of a task.

    Attributes:
        scan_id: The volume's key.
        code, detail: Why it could not be written, or ''.
        bytes: Of its file.
        full: Whether the disk is full.
    """

    scan_id: str
    code: str = ""
    detail: str = ""
    bytes: int = 0
    full: bool = False


class _TooLarge(Exception):
    code, detail = "too_big", f"more than {MAX_VOXELS:,} voxels at this spacing"


def write_volume(task: VolumeTask) -> VolumeReport:
    """Write ``volumes/<scan_id>.npy``, then ``journal/<scan_id>.json``; the volume counts from then on."""
    scan_id = task.files.scan_id
    if multiprocessing.parent_process() is not None:
        from workbench.cohort.watching import hush

        hush()
    try:
        volume, low, high = kept(read_volume(task.files), task.files, task.settings)
    except SliceChanged:
        return VolumeReport(scan_id, *reason(Changed()))
    except Exception as error:
        return VolumeReport(scan_id, *reason(error))
    values = np.ascontiguousarray(volume.values)
    record_file = task.folder / "journal" / f"{scan_id}.json"
    record_file.unlink(missing_ok=True)
    try:
        with whole_file(task.folder / "volumes" / f"{scan_id}.npy") as stream:
            np.lib.format.write_array(stream, values, allow_pickle=False)
        with whole_file(record_file) as stream:
            stream.write(json.dumps(record_of(volume, values, low, high)).encode())
    except OSError as error:
        if error.errno not in FULL:
            raise
        return VolumeReport(scan_id, "disk_full", bytes=values.nbytes, full=True)
    return VolumeReport(scan_id, bytes=values.nbytes)


def kept(volume: Volume, files: VolumeFiles, settings: VolumeSettings) -> tuple[Volume, float, float]:
    """A volume as the store keeps it, and its display range.

    Raises:
        Exception: It would be too large; with a code, as ``reason`` wants it.
    """
    values, affine, kind = volume.values, volume.affine_lps, volume.values.dtype
    fill = _fill(volume)
    offsets = np.array(files.offsets_mm)
    leans = lean_deg(affine[:3, 2], normal(np.concatenate([affine[:3, 0], affine[:3, 1]]))) > LEAST_LEAN_DEG
    _check_size(values.shape, affine, settings)
    if len(offsets) and _is_uneven(offsets):
        values, affine = lattice.evened(values.astype(np.float32), affine, offsets)
    if len(offsets) and leans:
        values, affine = lattice.upright(values.astype(np.float32, copy=False), affine, fill)
    if settings.spacing_mm and not np.allclose(spacing_of(affine), settings.spacing_mm, rtol=lattice.SAME):
        values, affine = lattice.with_spacing(values.astype(np.float32, copy=False), affine, settings.spacing_mm)
    if values.dtype != kind:
        values = _as_kind(values, kind)
    if settings.orientation == "lps":
        values, affine = lattice.turned_to_lps(values, affine)
    low, high = settings.ct_window if volume.units == "HU" else _display_range(values, settings.percentiles)
    return Volume(volume.scan_id, values, affine, volume.units, volume.modality), low, high


def record_of(volume: Volume, values: NDArray[Any], low: float, high: float) -> dict[str, Any]:
    """The row of the index."""
    between_slices, between_rows, between_columns = volume.spacing_mm
    facts = {
        "slices": values.shape[0],
        "rows": values.shape[1],
        "columns": values.shape[2],
        "spacing_slice_mm": between_slices,
        "spacing_row_mm": between_rows,
        "spacing_column_mm": between_columns,
        "affine_lps": volume.affine_lps.ravel().tolist(),
        "dtype": values.dtype.name,
        "units": volume.units,
        "modality": volume.modality,
        "low": float(low),
        "high": float(high),
    }
    state = hashlib.sha256(json.dumps(facts).encode())
    state.update(values.data)
    return {"scan_id": volume.scan_id, **facts, "content": state.hexdigest()[:32]}


def _is_uneven(offsets: NDArray[np.float64]) -> bool:
    gaps = np.diff(offsets)
    return bool(np.abs(gaps - np.median(gaps)).max() > 0.01 * np.median(gaps))


def _check_size(shape: tuple[int, ...], affine: NDArray[np.float64], settings: VolumeSettings) -> None:
    voxels = float(np.prod(shape, dtype=np.float64))
    if settings.spacing_mm:
        voxels *= float(np.prod(spacing_of(affine)) / np.prod(settings.spacing_mm))
    if voxels > MAX_VOXELS:
        raise _TooLarge


def _fill(volume: Volume) -> float:
    """The value where nothing was measured: never above any voxel that was."""
    if volume.units == "HU":
        return AIR_HU
    return 0.0 if volume.values.dtype.kind == "u" else float(np.floor(min(0.0, float(volume.values.min()))))


def _as_kind(values: NDArray[np.float32], kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "f":
        return values.astype(kind)
    limits = np.iinfo(kind)
    return np.clip(np.rint(values), limits.min, limits.max).astype(kind)


def _display_range(values: NDArray[Any], percentiles: tuple[float, float]) -> tuple[float, float]:
    sample = values.reshape(-1)[:: max(1, values.size // MOST_FOR_PERCENTILES)]
    places = [round(share / 100 * (sample.size - 1)) for share in percentiles]
    ordered = np.partition(sample, sorted(set(places)))
    low, high = (float(ordered[place]) for place in places)
    return (low, high) if high > low else (low, low + 1.0)


def free_bytes(folder: Path) -> int:
    """Bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free
