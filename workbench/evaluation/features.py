"""Features of a frozen encoder: computed once per arm, kept in a file with the scans they belong to."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError, OperationFailed

SAME_SHARE = 0.01
CPU_BATCH, GPU_BATCH = 64, 256


@dataclass(frozen=True)
class Features:
    """Feature vectors with the scans they belong to.

    Attributes:
        scan_id: ``(N,)`` str.
        features: ``(N, D)`` float32.
        facts: What is known of where they come from.
    """

    scan_id: NDArray[np.str_]
    features: NDArray[np.float32]
    facts: dict[str, Any] = field(default_factory=dict)

    def of(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.float32]:
        """The rows of some scans, in their order: ``(len(scan_ids), D)``.

        Raises:
            InputError: A scan has no features.
        """
        place = {name: row for row, name in enumerate(self.scan_id.tolist())}
        missing = [name for name in map(str, scan_ids) if name not in place]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(scan_ids)} scans have no features.",
                where=f"first: {missing[0]}",
                todo="Run `workbench embed` on this cohort again, or give a file that covers it.",
            )
        return self.features[[place[str(name)] for name in scan_ids]]


def extract(
    encoder: Any,
    images: Any,
    *,
    batch_size: int = 0,
    device: str = "cpu",
    precision: str = "fp32",
    progress: Any = None,
) -> NDArray[np.float32]:
    """Features of images by a frozen encoder, in eval mode; the encoder's mode and device are as before afterwards.

    Args:
        encoder: Torch module ``(N, C, H, W)`` in [0, 1] to ``(N, D)``.
        images: Has ``len`` and ``batch(positions) -> (n, C, H, W)`` as ``store.datasets.UnitImages``, or is a tensor.
        batch_size: Images per step; 0: 64 on the CPU, where what a step computes then stays in the cache, else 256.
        device: Where to compute, such as ``cpu`` or ``cuda``.
        precision: ``fp32``; ``bf16``; or ``auto``: bf16 when on the first batch no feature moves by more than 1 % of
            its standard deviation, else fp32.
        progress: Has ``progress(step, total, unit=)``; told after each step.

    Returns:
        ``(N, D)`` float32.

    Raises:
        OperationFailed: Features are not finite.
    """
    import torch

    count = len(images)
    batch_size = batch_size or (CPU_BATCH if device.startswith("cpu") else GPU_BATCH)
    was_training = encoder.training
    home = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    encoder.eval().to(device)
    parts: list[NDArray[np.float32]] = []
    try:
        with torch.inference_mode():
            low = precision == "bf16"
            for start in range(0, count, batch_size):
                positions = np.arange(start, min(start + batch_size, count))
                batch = images.batch(positions) if hasattr(images, "batch") else torch.as_tensor(images)[positions]
                batch = batch.to(device, torch.float32)
                if precision == "auto" and start == 0:
                    low = _bf16_is_the_same(encoder, batch, device)
                parts.append(_forward(encoder, batch, device, low).cpu().numpy())
                if progress is not None:
                    progress.progress(int(positions[-1]) + 1, count, unit="scans")
    finally:
        encoder.train(was_training).to(home)
    if not parts:
        return np.zeros((0, int(getattr(encoder, "feature_dim", 0))), np.float32)
    features = np.concatenate(parts).astype(np.float32)
    bad = int((~np.isfinite(features).all(axis=1)).sum())
    if bad:
        raise OperationFailed(
            f"The encoder gives features that are not finite for {bad} of {count} scans.",
            todo="Its training has diverged: lower the learning rate, or train it in fp32.",
        )
    return features


def _forward(encoder: Any, batch: Any, device: str, low: bool) -> Any:
    import torch

    with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=low):
        return encoder(batch).float().flatten(1)


def _bf16_is_the_same(encoder: Any, batch: Any, device: str) -> bool:
    exact, rough = (_forward(encoder, batch, device, low) for low in (False, True))
    return len(batch) > 1 and bool(((rough - exact).abs() <= SAME_SHARE * exact.std(dim=0)).all())


def save(
    file: str | Path,
    scan_ids: Sequence[str] | NDArray[Any],
    features: NDArray[np.floating],
    facts: dict[str, Any] | None = None,
) -> Path:
    """Write ``.npz`` (``scan_id``, ``features``, ``facts`` as JSON) or ``.parquet`` (``scan_id, f0, f1 ...``).

    Args:
        file: Its ending says the format.
        scan_ids: ``(N,)``.
        features: ``(N, D)``.
        facts: Kept in the ``.npz``.

    Raises:
        InputError: Other ending, or lengths differ.
    """
    file = Path(file)
    if len(scan_ids) != len(features):
        raise InputError(f"{len(scan_ids)} scans but {len(features)} rows of features.", where=file)
    names = np.asarray([str(name) for name in scan_ids], dtype=np.str_)
    values = np.ascontiguousarray(features, dtype=np.float32)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".npz":
        partial = file.with_name(f"{file.name}.{os.getpid()}.partial.npz")
        np.savez(partial, scan_id=names, features=values, facts=np.asarray(json.dumps(facts or {}, default=str)))
    elif file.suffix == ".parquet":
        import pandas as pd

        partial = file.with_name(f"{file.name}.{os.getpid()}.partial.parquet")
        table = pd.DataFrame(values, columns=[f"f{j}" for j in range(values.shape[1])])
        table.insert(0, "scan_id", names)
        table.to_parquet(partial, index=False)
    else:
        raise InputError(f"Features are kept as .npz or .parquet, not '{file.suffix}'.", where=file)
    partial.replace(file)
    return file


def load(file: str | Path) -> Features:
    """Read features that ``save`` or another program wrote; nothing pickled is ever loaded.

    Raises:
        InputError: Absent, unreadable, without ``scan_id`` and features, a scan twice, or values not finite.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError("The features file does not exist.", where=file, todo="Make it with `workbench embed`.")
    facts: dict[str, Any] = {}
    try:
        if file.suffix == ".parquet":
            import pandas as pd

            table = pd.read_parquet(file)
            names = table.pop("scan_id").to_numpy()
            values = table.to_numpy(dtype=np.float32)
        else:
            with np.load(file, allow_pickle=False) as found:
                names, values = found["scan_id"], found["features"]
                if "facts" in found:
                    facts = json.loads(str(found["facts"]))
    except Exception as problem:
        raise InputError(
            f"The features file cannot be read: {problem}.",
            where=file,
            todo="Give .npz with arrays `scan_id` (text) and `features` (N, D), or .parquet with a column `scan_id`.",
        ) from problem
    names = np.asarray([str(name) for name in names], dtype=np.str_)
    if values.ndim != 2 or len(values) != len(names):
        raise InputError(f"{len(names)} scans but features of shape {values.shape}; (N, D) is needed.", where=file)
    if len(set(names.tolist())) != len(names):
        raise InputError("A scan_id occurs more than once in the features file.", where=file)
    if not np.isfinite(values).all():
        raise InputError("The features file holds values that are not finite.", where=file)
    return Features(names, np.ascontiguousarray(values, dtype=np.float32), facts)
