from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.catalogue import Catalogue
from app.runs_view import open_run
from app.similar import described_by, has_features, similar
from tests.app.fabricated import make_run
from workbench.cohort.cohort import Cohort
from workbench.runs.workspace import Workspace


@pytest.fixture
def found(workspace: Workspace) -> Catalogue:
    """Five pictures: two of patient A, two of patient B, one of patient C, which has no features."""
    table = pd.DataFrame({"scan_id": ["a0", "a1", "b0", "b1", "c0"], "patient_key": ["A", "A", "B", "B", "C"]})
    table["path_key"] = table["pixel_hash"] = table["instance_key"] = table["series_key"] = table["scan_id"]
    table["modality"] = "DX"
    Cohort.create(workspace.cohort_dir("mine"), table)
    return Catalogue(workspace.cohort_dir("mine"))


def describe(workspace: Workspace, name: str = "one", **more) -> Path:
    run = make_run(workspace, "embed", name, {"cohort": "mine", "encoder": "overnight"}, **more)
    features = np.array([[12.0, 10.0], [13.0, 11.0], [6.0, 7.0], [9.0, 12.0], [99.0, 0.0]], np.float32)
    names = np.array(["a0", "a1", "b0", "b1", "gone"])
    np.savez(run.path / "features.npz", scan_id=names, features=features, facts=np.array("{}"))
    return run.path


def test_the_likest_come_first_with_their_cosine(found: Catalogue, workspace: Workspace) -> None:
    run = open_run(describe(workspace))
    every = np.ones(5, bool)
    near = similar(found, run, "a0", among=every, most=9, one_per_patient=False)
    assert found.table["scan_id"].iloc[near.rows].tolist() == ["a1", "b1", "b0"]
    assert near.scores == pytest.approx([100 * 3 / np.sqrt(10), 0, 0], abs=1e-4)  # seen from the mean, (10, 10)
    assert near.encoder == "overnight"


def test_by_default_each_other_patient_comes_once(found: Catalogue, workspace: Workspace) -> None:
    run = open_run(describe(workspace))
    near = similar(found, run, "a0", among=np.ones(5, bool), most=9)
    assert found.table["scan_id"].iloc[near.rows].tolist() == ["b1"]
    near = similar(found, run, "b0", among=np.ones(5, bool), most=9)
    assert found.table["scan_id"].iloc[near.rows].tolist() == ["a0"]


def test_filters_and_the_limit_count(found: Catalogue, workspace: Workspace) -> None:
    run = open_run(describe(workspace))
    among = np.array([True, False, True, True, True])
    near = similar(found, run, "a0", among=among, most=1, one_per_patient=False)
    assert found.table["scan_id"].iloc[near.rows].tolist() == ["b1"]


def test_a_scan_without_features_is_known(found: Catalogue, workspace: Workspace) -> None:
    run = open_run(describe(workspace))
    assert has_features(found, run, "a0") and not has_features(found, run, "c0")


def test_only_a_finished_run_of_this_cohort_describes_it(found: Catalogue, workspace: Workspace) -> None:
    assert described_by("mine") is None
    describe(workspace, "half", state="failed")
    assert described_by("mine") is None
    describe(workspace, "whole")
    run = described_by("mine")
    assert run is not None and run.run_id == "whole"
    assert described_by("other") is None
