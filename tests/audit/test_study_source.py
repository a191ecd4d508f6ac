"""Reading a study: kept scores, out-of-fold scores made again, and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.audit.settings import AuditSettings
from workbench.audit.study_source import read_study
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.runs.folder import RunFolder


@pytest.fixture
def read(hospital: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(hospital.workspace.root / "site.key"))

    def one(folder: Path | None = None, **values):
        run = RunFolder.create(hospital.workspace, "audit", AuditSettings(source="s"), None, quiet=True)
        return read_study(folder or hospital.study, hospital.workspace, run, **values)

    return one


def copied(hospital: SimpleNamespace, name: str) -> Path:
    folder = hospital.study.parent / name
    shutil.copytree(hospital.study, folder, dirs_exist_ok=True)
    return folder


def test_scores_are_those_that_the_study_kept(hospital: SimpleNamespace, read) -> None:
    source = read()
    assert (source.arm, source.protocol, source.reference) == ("seeing", "probe", ("plain", "probe"))
    assert [point.budget for point in source.points] == ["8", "30", "80", "all"]
    kept = pd.read_parquet(hospital.study / "predictions.parquet")
    rows = kept[(kept["arm"] == "seeing") & (kept["budget"] == "30") & (kept["draw"] == 2) & (kept["class"] == "sick")]
    by_scan = rows.set_index("scan_id")["probability"]
    found = source.points[1].probabilities[2, :, 1]
    np.testing.assert_allclose(found, by_scan.reindex(source.units.keys.astype(str)).to_numpy(), atol=1e-6)


def test_out_of_fold_scores_are_of_the_draws_own_patients(read) -> None:
    source = read()
    point = source.points[2]
    for inside in point.inside:
        assert len(np.unique(inside.patients)) == 80 and len(inside.targets) == 160
        assert np.isfinite(inside.probabilities).all()
        assert set(inside.patients) <= set(source.dev_patients)
    assert len({tuple(sorted(set(inside.patients))) for inside in point.inside}) == len(point.draws)


def test_another_arm_or_protocol_can_be_asked_for(read) -> None:
    source = read(arm="plain")
    assert (source.arm, source.reference, source.reference_points) == ("plain", ("", ""), [])
    with pytest.raises(InputError, match=r"no arm 'other'.*seeing \(probe\)"):
        read(arm="other")
    with pytest.raises(InputError, match="no arm 'seeing' under the protocol 'knn'"):
        read(arm="seeing", protocol="knn")
    with pytest.raises(InputError, match="A study has its own labels"):
        read(labels="v1")


def test_a_study_that_is_not_finished_has_nothing_to_audit(hospital: SimpleNamespace, read) -> None:
    folder = copied(hospital, "unfinished")
    (folder / "summary.json").unlink()
    with pytest.raises(InputError, match="no answer to audit yet"):
        read(folder)


def test_a_cohort_that_changed_is_refused(hospital: SimpleNamespace, read) -> None:
    folder = copied(hospital, "changed")
    summary = json.loads((folder / "summary.json").read_text())
    summary["digests"]["data"] = "0" * 16
    (folder / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match="cohort has changed since the study"):
        read(folder)


def test_scores_that_features_no_longer_give_are_refused(hospital: SimpleNamespace, read) -> None:
    folder = copied(hospital, "moved")
    kept = pd.read_parquet(folder / "predictions.parquet")
    mine = kept["arm"] == "seeing"
    kept.loc[mine, "probability"] = 1 - kept.loc[mine, "probability"]
    kept.to_parquet(folder / "predictions.parquet", index=False)
    with pytest.raises(InputError, match="scores of 'seeing' differ from those that the study kept"):
        read(folder)


def test_predictions_with_a_hole_are_refused(hospital: SimpleNamespace, read) -> None:
    folder = copied(hospital, "hole")
    kept = pd.read_parquet(folder / "predictions.parquet")
    kept.drop(index=kept.index[kept["arm"] == "seeing"][5]).to_parquet(folder / "predictions.parquet", index=False)
    with pytest.raises(InputError, match="not complete"):
        read(folder)
    (folder / "predictions.parquet").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="predictions cannot be read"):
        read(folder)


def test_newer_labels_do_not_matter(hospital: SimpleNamespace, read) -> None:
    """The study's own version is read, whatever was published since."""
    labels = hospital.cohort.labels("v1")
    try:
        flipped = labels.table.assign(label=labels.table["label"].map({"sick": "well", "well": "sick"}))
        Labels("v2", labels.task, labels.classes, flipped, labels.attributes).write(hospital.cohort.folder)
        source = read()
        assert source.labels.version == "v1"
    finally:
        (hospital.cohort.folder / "labels" / "v2.parquet").unlink()
