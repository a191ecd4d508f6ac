"""What a classifier's run folder holds: predictions of the test scans, and metrics with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.interval import Interval
from workbench.evaluation.metrics import evaluate, thresholds_from
from workbench.evaluation.units import Units

if TYPE_CHECKING:
    import pandas as pd

UNIT_COLUMNS = {"scan": "scan_id", "exam": "study_key", "patient": "patient_key"}


def unit_keys(manifest: pd.DataFrame, scan_ids: NDArray[Any], unit: str) -> NDArray[Any]:
    """The key of the unit that each scan belongs to, ``(N,)``.

    Args:
        manifest: The cohort's.
        scan_ids: ``(N,)``.
        unit: ``scan``, ``exam`` (one study) or ``patient``.

    Raises:
        InputError: The unit is unknown.
    """
    if unit not in UNIT_COLUMNS:
        raise InputError(f"There is no unit '{unit}'.", where="unit", todo=f"Use {', '.join(UNIT_COLUMNS)}.")
    rows = manifest.set_index("scan_id").loc[list(scan_ids)].reset_index()
    return rows[UNIT_COLUMNS[unit]].to_numpy(dtype=object)


def patients_of(manifest: pd.DataFrame, scan_ids: NDArray[Any]) -> NDArray[Any]:
    """The patient of each scan, ``(N,)``."""
    return unit_keys(manifest, scan_ids, "patient")


def prediction_table(
    scan_ids: NDArray[Any],
    patients: NDArray[Any],
    probabilities: NDArray[np.floating],
    classes: list[str],
    targets: NDArray[Any] | None = None,
) -> pd.DataFrame:
    """One row per scan and class: ``scan_id, patient_key, label, class, probability``.

    ``label`` is the name of the right class; with several findings 0 or 1 for that class, nan where unknown.

    Args:
        scan_ids, patients: ``(N,)``.
        probabilities: ``(N, C)``.
        classes: Names.
        targets: ``(N,)`` class indices or ``(N, C)``; without them there is no column ``label``.
    """
    import pandas as pd

    count = len(classes)
    columns: dict[str, Any] = {
        "scan_id": np.repeat(np.asarray(scan_ids, dtype=object), count),
        "patient_key": np.repeat(np.asarray(patients, dtype=object), count),
    }
    if targets is not None:
        several = targets.ndim == 2
        columns["label"] = targets.ravel() if several else np.repeat(np.asarray(classes, dtype=object)[targets], count)
    columns["class"] = np.tile(np.asarray(classes, dtype=object), len(scan_ids))
    columns["probability"] = np.asarray(probabilities, dtype=np.float32).ravel()
    return pd.DataFrame(columns)


def judge(
    probabilities: NDArray[np.floating],
    targets: NDArray[Any],
    patients: NDArray[Any],
    units: NDArray[Any],
    *,
    out_of_fold: tuple[NDArray[np.floating], NDArray[Any], NDArray[Any]] | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """All metrics on the test scans, with 95 % intervals clustered by patient.

    Args:
        probabilities: ``(N, C)`` of the test scans.
        targets: ``(N,)`` class indices or ``(N, C)``.
        patients, units: ``(N,)``: the scores of one unit's scans are pooled by their mean.
        out_of_fold: Probabilities, targets and units of the budget's scans by trainings without them; the operating
            point is set on these. Without them sensitivity and specificity have no value.
        seed: Of the bootstrap.

    Raises:
        InputError: Scans of one unit are of different classes, where there are three or more.
    """
    classes = probabilities.shape[1]
    pooled = Units.of(units)
    thresholds = None
    if out_of_fold is not None:
        scores, truth, keys = out_of_fold
        scored = np.isfinite(scores).all(axis=1)
        if scored.any():
            inside = Units.of(keys[scored])
            thresholds = thresholds_from(inside.scores(scores[scored]), inside.targets(truth[scored], classes=classes))
    return evaluate(
        pooled.scores(probabilities),
        pooled.targets(targets, classes=classes),
        pooled.groups(patients),
        thresholds=thresholds,
        seed=seed,
    )


def as_json(metrics: dict[str, Interval]) -> dict[str, dict[str, Any]]:
    """Metrics as plain values; what is not finite becomes None."""

    def plain(value: float) -> float | None:
        return round(float(value), 6) if np.isfinite(value) else None

    return {
        name: {
            "value": plain(found.value),
            "low": plain(found.low),
            "high": plain(found.high),
            "n": found.n,
            "n_patients": found.n_patients,
            "note": found.note,
        }
        for name, found in metrics.items()
    }


def write_table(file: Path, table: pd.DataFrame) -> Path:
    """Write a table as Parquet or, where the name ends in ``.csv``, as CSV; complete or not at all."""
    temporary = file.with_name(f".{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".csv":
        table.to_csv(temporary, index=False)
    else:
        table.to_parquet(temporary, index=False)
    temporary.replace(file)
    return file
