"""A small hospital: header fields, labels, and features that see disease and site."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.evaluation.features import save
from workbench.runs.workspace import Workspace


def make_hospital(workspace: Workspace, *, patients: int = 460, name: str = "c") -> SimpleNamespace:
    """Patients of two sites, of which B sends more of the sick; every tenth patient has no label.

    Returns:
        ``cohort``, and the files of features ``plain`` (disease alone) and ``seeing`` (disease and site).
    """
    random = np.random.default_rng(0)
    truth = (random.random(patients) < 0.5).astype(int)
    site = np.where(random.random(patients) < 0.8, truth, 1 - truth)
    owner = np.repeat(np.arange(patients), 2)
    scans = len(owner)
    manifest = pd.DataFrame(
        {
            "scan_id": [f"S{row:05d}" for row in range(scans)],
            "path_key": [f"F{row:05d}" for row in range(scans)],
            "patient_key": [f"P{number:04d}" for number in owner],
            "study_key": [f"E{number:04d}" for number in owner],
            "pixel_hash": [f"h{row}" for row in range(scans)],
            "patient_unknown": False,
            "sex": np.where(random.random(patients) < 0.5, "F", "M")[owner],
            "age_years": random.integers(20, 90, patients)[owner],
            "site": np.where(site == 1, "B", "A")[owner],
            "scanner": np.where(site == 1, "XYZ 2", "ABC 1")[owner],
            "view_position": np.tile(["PA", "AP"], patients),
            "rows": 64,
            "columns": 64,
        }
    )
    cohort = Cohort.create(workspace.cohort_dir(name), manifest, test_share=0.5)
    labelled = (np.arange(patients) % 10 != 0)[owner]
    table = pd.DataFrame({"scan_id": manifest["scan_id"], "label": np.where(truth[owner] == 1, "sick", "well")})
    extra = pd.DataFrame(
        {
            "scan_id": manifest["scan_id"],
            "ward": np.where(random.random(patients) < 0.5, "East", "West")[owner],
            "weight": random.integers(40, 120, patients).astype(str)[owner],
        }
    )
    classes = ["well", "sick"]
    Labels("v1", "binary", classes, table[labelled], extra[labelled]).write(cohort.folder)
    noise = 0.7 * random.standard_normal((patients, 8))[owner] + 0.7 * random.standard_normal((scans, 8))
    noise[:, :2] += 0.7 * truth[owner, None]
    ids = manifest["scan_id"].to_numpy()
    plain = save(workspace.root / "plain.npz", ids, noise)
    seen = noise.copy()
    seen[:, 2:4] += 1.5 * site[owner, None]
    return SimpleNamespace(cohort=cohort, plain=plain, seeing=save(workspace.root / "seeing.npz", ids, seen))
