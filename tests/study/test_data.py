from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.study.making import make_cohort, make_features, settings_of
from workbench.cohort.labels import Labels
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.study.data import read_data
from workbench.study.settings import StudySettings


@pytest.fixture
def bench(tmp_path: Path):
    workspace = Workspace(tmp_path)
    cohort, target = make_cohort(workspace, patients=40)
    file = make_features(tmp_path / "a.npz", cohort, target, 1.0)

    def read(**values: Any):
        return read_data(load_settings(StudySettings, values=settings_of({"a": file}, **values)), workspace)

    return cohort, read


def test_both_sides_and_no_images_for_features(bench) -> None:
    cohort, read = bench
    data = read()
    assert data.store is None and data.left_out == 0
    assert len(data.dev_ids) + len(data.test_ids) == 80
    assert sum(data.patients_per_class().values()) == len(set(data.test_patients))
    assert data.labels_version == "v1" and data.classes == ["no", "yes"]
    assert len(data.units.keys) == len(data.test_ids)
    assert read().digest == data.digest != read(unit="patient").digest


def test_an_answer_per_exam_or_patient(bench) -> None:
    _, read = bench
    exam, patient = read(unit="exam"), read(unit="patient")
    assert len(exam.units.keys) == len(exam.test_ids)  # two exams of one scan each
    assert len(patient.units.keys) == len(set(patient.test_keys)) == len(patient.unit_targets)


def test_one_class_alone_is_refused(bench) -> None:
    cohort, read = bench
    table = Labels.read(cohort.folder).table
    one = table.assign(label="no")
    Labels("v2", "binary", ["no", "yes"], one, one[["scan_id"]]).write(cohort.folder)
    with pytest.raises(InputError, match="development set has scans of one class only.*no: .*yes: 0"):
        read()
    assert read(labels="v1").labels_version == "v1"


def test_a_cohort_or_labels_that_are_not_there(bench) -> None:
    _, read = bench
    with pytest.raises(InputError, match="no cohort 'd'"):
        read(cohort="d")
    with pytest.raises(InputError, match="no labels 'v9'"):
        read(labels="v9")
