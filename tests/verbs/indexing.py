"""What the tests of the verb index share: a small tree of files, and the call."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.cohort.making import write_dicom
from workbench.cohort.cohort import Cohort
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexResult, IndexSettings, index


def run(workspace: Path, *sources: Path, cohort: str = "c", workers: int = 1, **settings) -> IndexResult:
    asked = IndexSettings(sources=list(sources), cohort=cohort, workers=workers, **settings)
    result = index(asked, workspace=Workspace(workspace))
    assert result.seen == result.used + result.refused == sum(result.outcomes.values())
    return result


def manifest(workspace: Path, cohort: str = "c") -> pd.DataFrame:
    return Cohort.open(workspace / "data_manifests" / cohort).manifest


def make_tree(root: Path, patients: int = 6) -> Path:
    for number in range(patients):
        for scan in (0, 1):
            name = f"{number}{scan}"
            write_dicom(
                root / f"p{number}" / f"{scan}.dcm", patient=f"PAT-{number}", study=str(number + 1), instance="1" + name
            )
    return root
