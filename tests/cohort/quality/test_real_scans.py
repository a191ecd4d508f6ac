"""Real radiographs and real odd files: what is known about them is found, and nothing fails."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import report
from workbench.config import load_settings
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS


def call(verb: str, workspace: Workspace, **values):
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace, progress=Progress(quiet=True))


def test_the_thirty_groups_of_identical_radiographs(shared_data: Path, tmp_path: Path):
    with (shared_data / "kermany-cxr" / "index.csv").open() as stream:
        table = pd.DataFrame(csv.DictReader(stream))
    chosen = pd.concat([table[table["md5"].duplicated(keep=False)], table.drop_duplicates("md5").head(40)])
    chosen = chosen.drop_duplicates(["split", "cls", "file"])
    rows = []
    for split, kind, file, patient in chosen[["split", "cls", "file", "pid"]].itertuples(index=False):
        target = tmp_path / "images" / split / kind / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared_data / "kermany-cxr" / "images" / split / kind / file, target)
        rows.append({"file": f"{split}/{kind}/{file}", "patient": patient, "label": kind, "given": split})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    workspace = Workspace(tmp_path)
    call("import-images", workspace, folder=tmp_path / "images", labels=tmp_path / "labels.csv", out=tmp_path / "out",
         modality="DX", workers=1)  # fmt: skip
    call("index", workspace, sources=[tmp_path / "out" / "dicom"], cohort="chest", workers=1)
    call("label", workspace, cohort="chest", labels=tmp_path / "out" / "labels.csv", key="sop", column="label")
    cohort = Cohort.open(workspace.cohort_dir("chest"))
    found = report.write(cohort)
    assert found.finding("identical_pixels").count == 30
    assert found.finding("same_picture_two_patients").count == 1
    assert found.finding("given_split_leaks").count > 0
    assert not [item for item in found.findings if item.code.startswith("failed_")]
    sides = cohort.manifest.assign(test=cohort.split().is_test(cohort.manifest["scan_id"].to_numpy()))
    for key in ("patient_key", "pixel_hash", "group"):
        assert sides.groupby(key)["test"].nunique().max() == 1


@pytest.mark.parametrize("folder", ["pydicom-data", "dcm-qa-ts"])
def test_odd_files_fail_no_rule(shared_data: Path, tmp_path: Path, folder: str):
    workspace = Workspace(tmp_path)
    result = call("index", workspace, sources=[shared_data / folder], cohort="odd", workers=1)
    assert result.seen == result.used + result.refused == sum(result.outcomes.values())
    cohort = Cohort.open(workspace.cohort_dir("odd"))
    found = report.write(cohort)
    assert not [item for item in found.findings if item.code.startswith("failed_")]
    call("decide", workspace, cohort="odd", action="sheet")
    assert (cohort.private / "contact_sheet.html").is_file()
