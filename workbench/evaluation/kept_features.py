"""Frozen features kept beside the pixels they come from: no study of a workspace computes them twice."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.config import digest_of
from workbench.errors import WorkbenchError
from workbench.evaluation import features as feature_files

if TYPE_CHECKING:
    from workbench.store.store import Store

FOLDER = "features"


def kept_features(
    encoder: Any, store: Store, scan_ids: NDArray[Any], *, device: str = "cpu", progress: Any = None
) -> NDArray[np.float32]:
    """Features of some scans of a store: those that were computed before are read, the others computed and kept.

    They lie in ``features/`` of the store's folder, one file per encoder (by its weights, whatever it is called) and
    version of the store; files of earlier versions are deleted. A file that cannot be read is computed anew.

    Args:
        encoder: As ``features.extract`` takes it.
        store: The pixels.
        scan_ids: ``(N,)`` scans of the store.
        device: Where to compute.
        progress: Has ``progress(step, total, unit=)``; told while features are computed.

    Returns:
        ``(N, D)`` float32, in the order of ``scan_ids``.

    Raises:
        OperationFailed: Features are not finite.
    """
    from workbench.store.datasets import UnitImages

    wanted = np.asarray(scan_ids).astype(np.str_)
    folder = store.path / FOLDER
    file = folder / f"{store.digest}-{encoder_digest(encoder)}.npz"
    kept = _read(file)
    missing = wanted if kept is None else wanted[~np.isin(wanted, kept.scan_id)]
    if len(missing):
        images = UnitImages(store, store.rows_of(missing))
        found = feature_files.extract(encoder, images, device=device, progress=progress)
        names = missing
        if kept is not None:
            names, found = np.concatenate([kept.scan_id, missing]), np.concatenate([kept.features, found])
        kept = feature_files.Features(names, found)
        feature_files.save(file, kept.scan_id, kept.features)
        for other in folder.glob("*.npz"):
            if not other.name.startswith(store.digest):
                other.unlink(missing_ok=True)
    return kept.of(wanted) if kept is not None else np.zeros((0, 0), np.float32)


def encoder_digest(encoder: Any) -> str:
    """Sixteen hexadecimal digits over an encoder's architecture and weights."""
    name, arguments = getattr(encoder, "name", ""), getattr(encoder, "arguments", {})
    return digest_of([type(encoder).__name__, name, arguments, repr(encoder), weights_digest(encoder)])


def weights_digest(module: Any) -> str:
    """SHA-256 over the names and values of a torch module's parameters and buffers, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(file: Any) -> feature_files.Features | None:
    if not file.is_file():
        return None
    try:
        return feature_files.load(file)
    except WorkbenchError:  # cut short by a full disk: what it held is computed again
        return None
