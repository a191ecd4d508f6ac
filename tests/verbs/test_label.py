from __future__ import annotations

from pathlib import Path

import pytest

from tests.cohort.test_labelling import hospital
from workbench.cohort.cohort import Cohort
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.label import LabelSettings, label


def test_label_publishes_versions_and_tells_everything(tmp_path: Path):
    cohort = hospital(tmp_path / "data_manifests" / "c", 40)
    cells = [f"{101 + n:06d},{'yes' if n % 3 else 'no'},train" for n in range(30)]
    file = tmp_path / "labels.csv"
    file.write_text("patient,finding,part\n" + "\n".join([*cells, "777777,yes,x", "000101,yes,x"]))
    asked = LabelSettings(cohort="c", labels=file, key="patient", column="finding")
    result = label(asked, workspace=Workspace(tmp_path))
    assert (result.version, result.task, result.classes) == ("v1", "binary", ["no", "yes"])
    assert (result.rows, result.rows_joined, result.rows_not_joined, result.conflicts) == (32, 31, 1, 1)
    assert (result.scans_labelled, result.scans_without_label, result.patients_labelled) == (58, 22, 29)
    assert result.counts == {"no": 18, "yes": 40} and result.attributes == ["part"]
    assert result.development_scans + result.test_scans == 58
    assert set(result.few_in_test) == {"no", "yes"}
    text = result.summary()
    assert "31 of 32 rows joined; 1 did not." in text and "Rows of the file without a scan: 32." in text
    assert "1 keys have rows that contradict each other" in text and "fewer than 10" in text
    assert "777777" not in text and "000101" not in text
    assert label(asked, workspace=Workspace(tmp_path)).version == "v2"
    named = asked.model_copy(update={"version": "expert"})
    assert label(named, workspace=Workspace(tmp_path)).version == "expert"
    with pytest.raises(InputError, match="'expert' exist already"):
        label(named, workspace=Workspace(tmp_path))
    assert Cohort.open(cohort.folder).labels().version == "expert"


def test_summary_tells_of_loose_ambiguous_and_dropped(tmp_path: Path):
    cohort = hospital(tmp_path / "data_manifests" / "c", 12)
    table = cohort.manifest.copy()
    table.loc[[0, 2], "pixel_hash"] = "same"
    table.loc[[0, 2], "flags"] = "identical_pixels"
    table.to_parquet(cohort.folder / "manifest.parquet")
    file = tmp_path / "labels.csv"
    file.write_text("patient,label,comment\n101,a,x\n102,b,y\n103,a,\n104,b,\n")
    result = label(LabelSettings(cohort="c", labels=file, key="patient"), workspace=Workspace(tmp_path))
    text = result.summary()
    assert "4 rows joined after leading zeros" in text and "1 identical pictures carry different labels" in text
    assert "Column 'comment' was not kept" in text
    file.write_text("path,label\n1.dcm,a\nfirst0.dcm,a\nfirst5.dcm,b\n")
    result = label(LabelSettings(cohort="c", labels=file), workspace=Workspace(tmp_path))
    assert "1 rows fit more than one patient or file" in result.summary()


def test_absent_cohort(tmp_path: Path):
    with pytest.raises(InputError, match="no cohort 'none'"):
        label(LabelSettings(cohort="none", labels=Path("x.csv")), workspace=Workspace(tmp_path))
