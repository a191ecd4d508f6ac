"""Which pictures are like a given one, by the features that an encoder made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.catalogue import Catalogue
from app.runs_view import RunView, runs_of

FILE = "features.npz"


@dataclass(frozen=True)
class Neighbours:
    """The pictures most like one, itself left out.

    Attributes:
        rows: Their rows in the catalogue's table, the most alike first.
        scores: Cosine of the angle between the features, seen from their mean, times 100, ``(N,)``; 100 is the same
            direction, and what points away counts 0.
        encoder: What made the features.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    encoder: str


def described_by(cohort: str) -> RunView | None:
    """The latest finished run that made features of a cohort's pictures."""
    return next(
        (
            run
            for run in runs_of("embed")
            if run.settings.get("cohort") == cohort and run.status.state == "finished" and run.has(FILE)
        ),
        None,
    )


def has_features(found: Catalogue, run: RunView, scan_id: str) -> bool:
    """Whether a run made features of a scan."""
    return found.number(scan_id) in _features(found, run)[1]


def similar(
    found: Catalogue,
    run: RunView,
    scan_id: str,
    *,
    among: NDArray[np.bool_],
    most: int,
    one_per_patient: bool = True,
) -> Neighbours:
    """The pictures most like one.

    Args:
        found: The catalogue.
        run: The run that made the features.
        scan_id: The one; ``has_features`` told that it has some.
        among: Which rows of the catalogue's table to choose from, ``(N,)``.
        most: At most how many.
        one_per_patient: Only the likest of each patient, and none of the patient's own.
    """
    features, places = _features(found, run)
    table = found.table
    own = found.number(scan_id)
    rows = np.fromiter(places, np.int64, len(places))
    cosines = (features @ features[places[own]]).astype(np.float64)
    order = np.argsort(-cosines, kind="stable")
    order = order[among[rows[order]] & (rows[order] != own)]
    if one_per_patient:
        patients = table["patient_key"].to_numpy()[rows[order]]
        order = order[patients != table["patient_key"].iloc[own]]
        patients = table["patient_key"].to_numpy()[rows[order]]
        order = order[np.sort(np.unique(patients, return_index=True)[1])]
    chosen = order[:most]
    return Neighbours(rows[chosen], 100 * np.clip(cosines[chosen], 0, 1), str(run.settings.get("encoder", "")))


def _features(found: Catalogue, run: RunView) -> tuple[NDArray[np.float32], dict[int, int]]:
    file = run.path / FILE
    return _read(found, file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(found: Catalogue, file: Path, changed: int) -> tuple[NDArray[np.float32], dict[int, int]]:
    """Features of length 1, and for every row of the catalogue's table that has some, where they are.

    Their mean is taken off first: what an encoder's features all have in common would make everything alike.
    """
    with np.load(file, allow_pickle=False) as content:
        names, values = content["scan_id"], content["features"]
    there = [(place, found.number(str(name))) for place, name in enumerate(names) if found.has(str(name))]
    kept = values[[place for place, _ in there]].astype(np.float32)
    kept -= kept.mean(axis=0) if len(kept) else 0
    lengths = np.linalg.norm(kept, axis=1, keepdims=True)
    return kept / np.maximum(lengths, 1e-12), {row: place for place, (_, row) in enumerate(there)}
