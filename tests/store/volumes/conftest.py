"""A cohort of series as DICOM files, indexed once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cohort.volumes.dicom_series import along, write_series
from workbench.cohort import Cohort
from workbench.runs.workspace import Workspace
from workbench.verbs.index import IndexSettings, index

Z = np.arange(8.0)
TILT = [[-4.0, -6.0 + 0.3 * n, float(n)] for n in range(6)]


@pytest.fixture(scope="session")
def volume_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("volume-store")
    write_series(folder / "files", 1, along(Z))
    write_series(folder / "files", 2, along(np.delete(np.arange(10.0), 4)))
    write_series(folder / "files", 3, TILT)
    write_series(folder / "files", 4, along(Z * 2), modality="MR", RescaleIntercept=None)
    key = tmp_path_factory.getbasetemp() / "site.key"
    key.write_bytes(bytes(range(32)))
    before = os.environ.get("WORKBENCH_SITE_KEY_FILE")
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(key)
    try:
        workspace = Workspace(folder)
        index(IndexSettings(sources=[folder / "files"], cohort="some", workers=1), workspace=workspace)
    finally:
        if before is not None:
            os.environ["WORKBENCH_SITE_KEY_FILE"] = before
    return workspace


@pytest.fixture
def cohort(volume_workspace: Workspace) -> Cohort:
    return Cohort.open(volume_workspace.cohort_dir("some"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Where stores go, a fresh place for every test."""
    return Workspace(tmp_path)
