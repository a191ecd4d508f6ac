"""Scans for training benchmarks: a phantom cohort, indexed and decoded like any other, and the same scans as PNG."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np


def open_store(folder: Path, scans: int, size: int):
    """The store of about ``scans`` phantom radiographs, made below ``folder`` at first."""
    from workbench.config import load_settings
    from workbench.runs.progress import Progress
    from workbench.runs.workspace import Workspace
    from workbench.sources.phantom_cohort import make_cohort
    from workbench.store import build_store
    from workbench.verbs import VERBS

    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("WORKBENCH_SITE_KEY_FILE", str(folder / "site.key"))
    workspace = Workspace(folder)
    if not (workspace.cohort_dir("bench") / "manifest.parquet").exists():
        made = make_cohort(
            folder / "phantom", patients=max(40, round(scans / 2.4)), seed=0, lesion_cm=2.2, pixels=max(160, size)
        )
        model, index = VERBS["index"].load()
        settings = load_settings(model, values={"sources": [str(made.folder)], "cohort": "bench", "test_share": 0.0})
        index(settings, workspace=workspace, progress=Progress(quiet=True))
    from workbench.cohort.cohort import Cohort

    cohort = Cohort.open(workspace.cohort_dir("bench"))
    return build_store(cohort, size, workspace=workspace, progress=Progress())


def write_pngs(images, folder: Path) -> Path:
    """The unit images as 8-bit PNG files of the same size, for programs that read image files."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(images)):
        file = folder / f"{number:06d}.png"
        if not file.exists():
            pixels = (255 * images.batch([number])[0, 0]).round().numpy().astype(np.uint8)
            Image.fromarray(pixels).save(file)
    return folder


class ConstantStream:
    """One batch again and again: what a step costs when data costs nothing."""

    def __init__(self, stream) -> None:
        self.length = len(stream)
        self.batch = next(iter(stream))

    def __len__(self) -> int:
        return self.length

    def __iter__(self):
        return iter([self.batch] * self.length)

    def state_dict(self) -> dict:
        return {}

    def load_state_dict(self, state: dict) -> None:
        pass
