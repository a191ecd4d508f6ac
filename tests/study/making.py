"""Small cohorts with features of known quality, for studies that take seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.evaluation.features import save
from workbench.runs.workspace import Workspace


def make_cohort(
    workspace: Workspace,
    *,
    name: str = "c",
    patients: int = 200,
    scans: int = 2,
    classes: Sequence[str] = ("no", "yes"),
    shares: Sequence[float] = (0.65, 0.35),
    task: str = "binary",
    mixed: bool = False,
    test_share: float = 0.4,
    seed: int = 0,
) -> tuple[Cohort, NDArray[Any]]:
    """A cohort without files; returns it and the target of each scan of the manifest.

    Args:
        workspace: Where.
        patients, scans: How many patients, and scans of each.
        classes, shares: Names and prevalence; for ``multilabel`` the probability of each finding.
        task: ``binary``, ``multiclass`` or ``multilabel``.
        mixed: Scans of one patient may differ in class.
    """
    random = np.random.default_rng(seed)
    rows = patients * scans
    owner = np.repeat(np.arange(patients), scans)
    manifest = pd.DataFrame(
        {
            "scan_id": [f"S{row:05d}" for row in range(rows)],
            "path_key": [f"F{row:05d}" for row in range(rows)],
            "patient_key": [f"P{number:04d}" for number in owner],
            "study_key": [f"E{number:04d}-{row % 2}" for row, number in enumerate(owner)],
            "pixel_hash": [f"h{row}" for row in range(rows)],
            "patient_unknown": False,
        }
    )
    cohort = Cohort.create(workspace.cohort_dir(name), manifest, test_share=test_share)
    if task == "multilabel":
        target: NDArray[Any] = (random.random((patients, len(classes))) < np.asarray(shares)).astype(float)[owner]
        table = pd.DataFrame(target, columns=list(classes))
        table.insert(0, "scan_id", manifest["scan_id"])
    else:
        share = np.asarray(shares) / np.sum(shares)
        target = random.choice(len(classes), size=rows if mixed else patients, p=share)
        target = target if mixed else target[owner]
        table = pd.DataFrame({"scan_id": manifest["scan_id"], "label": np.asarray(classes)[target]})
    Labels("v1", task, list(classes), table, table[["scan_id"]]).write(cohort.folder)
    return cohort, target


def make_features(
    file: Path, cohort: Cohort, target: NDArray[Any], strength: float, *, dim: int = 8, seed: int = 0, **facts: Any
) -> Path:
    """Features that hold the label with a given strength (0: nothing), alike within a patient."""
    random = np.random.default_rng(seed)
    patient = pd.factorize(cohort.manifest["patient_key"])[0]
    noise = 0.7 * random.standard_normal((patient.max() + 1, dim))[patient]
    noise += 0.7 * random.standard_normal((len(patient), dim))
    answers = target if target.ndim == 2 else np.eye(int(target.max()) + 1)[target]
    direction = random.standard_normal((answers.shape[1], dim)) / np.sqrt(dim)
    return save(file, cohort.manifest["scan_id"].to_numpy(), noise + strength * answers @ direction, facts)


def settings_of(arms: Mapping[str, Path | str], **values: Any) -> dict[str, Any]:
    """Values of a small study's settings; an arm is a features file or an encoder's word."""
    named = {name: {"features": str(arm)} if isinstance(arm, Path) else {"encoder": arm} for name, arm in arms.items()}
    small = {"cohort": "c", "protocols": ["probe"], "budgets": [10, 20, 40, "all"], "draws": 5, "name": "s"}
    return {**small, "arms": named, "reference": next(iter(arms)), **values}
