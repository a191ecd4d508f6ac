"""Makes this folder again from generated pictures: python data_manifests/example/make.py

Eight invented patients with two computed pictures each, one file that is no picture and one second copy. The site key
is 32 zero bytes, which is no secret: here there is nobody to protect.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from workbench.cohort.labelling import join_labels
from workbench.cohort.quality.report import refresh
from workbench.dicom.identity import uid_from
from workbench.dicom.secondary_capture import write_secondary_capture
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

PATIENTS = 8
SEED = 14
PRODUCTS = (
    "manifest.parquet",
    "refused.csv",
    "decisions.csv",
    "split.json",
    "cohort.yaml",
    "intake.json",
    "intake.html",
)


def rings(patient: int, number: int, size: int = 48) -> np.ndarray:
    """A computed picture of rings, 12 bits; odd patients have a bright spot."""
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    picture = 0.5 + 0.3 * np.sin((20 + 3 * patient) * np.hypot(x - 0.1 * number, y))
    if patient % 2:
        picture += 0.4 * np.exp(-((x - 0.2) ** 2 + (y + 0.1) ** 2) / 0.003)
    return (np.clip(picture, 0, 1) * 4095).astype(np.uint16)


def write_files(folder: Path) -> Path:
    """The files, and beside them the label table; returns the table."""
    folder.mkdir(parents=True)
    rows = ["path,label,part"]
    for patient in range(PATIENTS):
        for number in (0, 1):
            file = folder / f"example{patient}-{number}.dcm"
            write_secondary_capture(
                file,
                rings(patient, number),
                patient_id=f"EXAMPLE-{patient}",
                study_uid=uid_from("example", str(patient)),
                series_uid=uid_from("example", str(patient), str(number)),
                modality="DX",
                bits_stored=12,
                extra={
                    "PatientSex": "FM"[patient % 2],
                    "PatientAge": f"{30 + 5 * patient:03d}Y",
                    "Manufacturer": "Generated",
                    "ManufacturerModelName": f"Rings {1 + patient % 2}",
                    "BodyPartExamined": "CHEST",
                    "ViewPosition": ("PA", "LATERAL")[number],
                },
            )
            rows.append(f"{file.name},{('no', 'yes')[patient % 2]},{('train', 'test')[patient % 4 == 3]}")
    shutil.copy(folder / "example0-0.dcm", folder / "second-copy.dcm")
    (folder / "readme.txt").write_text("This file is no picture.\n", encoding="utf-8")
    table = folder.parent / "labels.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def make(scratch: Path) -> Path:
    """Index and label the files in a scratch folder; returns the cohort's folder there."""
    from workbench.cohort.cohort import Cohort

    key = scratch / "site.key"
    key.write_bytes(bytes(32))
    before = os.environ.get("WORKBENCH_SITE_KEY_FILE")
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(key)
    try:
        table = write_files(scratch / "files")
        workspace = Workspace(scratch)
        index(
            IndexSettings(sources=[scratch / "files"], cohort="example", split_seed=SEED, workers=1),
            workspace=workspace,
        )
        cohort = Cohort.open(workspace.cohort_dir("example"))
        join_labels(cohort, table, key="path", column="label", version="v1")
        refresh(cohort)
    finally:
        os.environ.pop("WORKBENCH_SITE_KEY_FILE")
        if before is not None:
            os.environ["WORKBENCH_SITE_KEY_FILE"] = before
    return cohort.folder


def main() -> None:
    """Make the cohort and copy all but its private part here."""
    here = Path(__file__).parent
    scratch = Path("/tmp/workbench-example")  # a fixed place, because path keys depend on it
    if scratch.exists():
        raise SystemExit(f"{scratch} exists; remove it first.")
    scratch.mkdir()
    made = make(scratch)
    for name in PRODUCTS:
        shutil.copy(made / name, here / name)
    for name in ("labels", "findings"):
        shutil.rmtree(here / name, ignore_errors=True)
        shutil.copytree(made / name, here / name)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
