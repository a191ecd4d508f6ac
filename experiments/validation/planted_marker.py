"""A mark in the corner of real images, put there by one of two scanners: found where it goes with the disease.

Patients of a labelled cohort are dealt to two scanners; images of scanner B get a bright square in a corner, as a
marker or a burnt-in token would be. Once four of five sick patients come from B, once as many as healthy ones. A frozen
encoder sees the marked images, a study of probes is run on its features, and audited. Prints one JSON object.

    python experiments/validation/planted_marker.py --workspace DIR --cohort NAME --encoder RUN --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.audit.settings import AuditSettings
from workbench.cohort.cohort import Cohort
from workbench.config import load_settings
from workbench.evaluation.features import extract, save
from workbench.evaluation.probe import fit_probe
from workbench.models.encoder_source import find_encoder
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store
from workbench.store.datasets import UnitImages
from workbench.study.settings import StudySettings
from workbench.verbs.audit import audit
from workbench.verbs.study import study

SETTINGS = (("planted", 0.9, "evidence of use"), ("unrelated", 0.5, "encoded, no evidence of use"))


class Marked:
    """Images of which some carry a bright square, an eighth of the side, near the upper left corner."""

    def __init__(self, images: UnitImages, marked: np.ndarray) -> None:
        self.images, self.marked = images, torch.from_numpy(marked)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Any) -> torch.Tensor:
        plain = self.images.batch(positions)
        side = max(plain.shape[-1] // 8, 2)
        bright = plain.clone()
        bright[:, :, 2 : 2 + side, 2 : 2 + side] = 1.0
        return torch.where(self.marked[torch.as_tensor(np.asarray(positions))][:, None, None, None], bright, plain)


def planted(
    home: Workspace, cohort: Cohort, encoder: str, size: int, out: Workspace, name: str, together: float
) -> tuple[Path, float]:
    """A copy of the cohort's tables with two scanners, a file of features of the marked images, and how much the mark
    moves the score of healthy test images (of a probe on all labels), in standard deviations of that score."""
    folder = out.cohort_dir(name)
    if not folder.exists():
        shutil.copytree(cohort.folder, folder)
    labels = cohort.labels()
    counts = labels.counts()
    healthy = next((word for word in counts if word in ("normal", "no", "healthy")), labels.classes[0])
    sick = set(labels.table.loc[labels.table["label"] != healthy, "scan_id"])
    manifest = cohort.manifest.copy()
    ill = manifest["scan_id"].isin(sick).groupby(manifest["patient_key"]).any()
    agrees = np.random.default_rng(0).random(len(ill)) < together
    at_b = dict(zip(ill.index, np.where(agrees, ill, ~ill), strict=True))
    manifest["scanner"] = ["B" if at_b[patient] else "A" for patient in manifest["patient_key"]]
    manifest.to_parquet(folder / "manifest.parquet", index=False)
    store = build_store(cohort, size, workspace=home)
    scans = manifest["scan_id"].to_numpy(dtype=object)
    scans = scans[store.has(scans)]
    marked = manifest.set_index("scan_id").loc[scans.tolist(), "scanner"].to_numpy() == "B"
    source = find_encoder(encoder, home, in_channels=store.channels, size=size)
    features = extract(source.make(), Marked(UnitImages(store, store.rows_of(scans)), marked))
    file = save(out.root / f"{name}.npz", scans, features)
    place = {scan: row for row, scan in enumerate(scans)}
    train = np.array([place[scan] for scan in cohort.development(labels) if scan in place])
    truth = np.array([int(scan in sick) for scan in scans[train]])
    patients = manifest.set_index("scan_id").loc[scans.tolist(), "patient_key"].to_numpy()
    probe = fit_probe(features[train], truth, patients[train], classes=2)
    test = np.array([scan for scan in cohort.test(labels) if scan in place and scan not in sick], dtype=object)
    both = []
    for mark in (False, True):
        images = Marked(UnitImages(store, store.rows_of(test)), np.full(len(test), mark))
        both.append(np.diff(probe.logits(extract(source.make(), images)), axis=1)[:, 0])
    return file, float((both[1] - both[0]).mean() / both[0].std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--workspace", required=True, type=Path, help="Holds cohort, store and encoder.")
    parser.add_argument("--cohort", required=True)
    parser.add_argument("--encoder", required=True, help="Run id of a pretraining.")
    parser.add_argument("--size", type=int, default=64, help="Side of the images, pixels.")
    parser.add_argument("--out", required=True, type=Path, help="A folder for the copies.")
    given = parser.parse_args()
    began = time.monotonic()
    os.environ.setdefault("WORKBENCH_MLFLOW", "off")
    home, out = Workspace(given.workspace), Workspace(given.out)
    out.root.mkdir(parents=True, exist_ok=True)
    rows = []
    with home.own_site_key():
        cohort = Cohort.open(home.cohort_dir(given.cohort))
        for name, together, wanted in SETTINGS:
            features, moved = planted(home, cohort, given.encoder, given.size, out, name, together)
            values = {
                "cohort": name, "arms": {"encoder": {"features": str(features)}}, "reference": "encoder",
                "protocols": ["probe"], "budgets": [120, 600], "budget_unit": "scans", "draws": 10,
            }  # fmt: skip
            ran = study(load_settings(StudySettings, values=values), workspace=out)
            result = audit(AuditSettings(source=ran.path, attributes=["scanner"]), workspace=out)
            summary = json.loads((Path(result.path) / "audit.json").read_text(encoding="utf-8"))
            (found,) = summary["shortcuts"]
            row = {
                "setting": name,
                "sick_from_b": together,
                "verdict": found["verdict"],
                "readable_auc": found["readable"]["encoder"]["value"],
                "cramers_v": found["association"]["cramers_v"],
                "mark_moves_score_by_sd": moved,
                "uses": [
                    {key: use[key] for key in ("kind", "value", "low", "high", "p_holm")} for use in found["uses"]
                ],
                "pass": found["verdict"] == wanted,
            }
            rows.append(row)
            print(row, file=sys.stderr)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"pass": all(row["pass"] for row in rows), "rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main()
