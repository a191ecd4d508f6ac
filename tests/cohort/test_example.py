"""The committed example cohort reads, and holds nothing private."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workbench.cohort.cohort import Cohort
from workbench.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "data_manifests" / "example"


def test_it_reads_without_its_private_part():
    cohort = Cohort.open(FOLDER)
    labels = cohort.labels()
    assert (len(cohort.manifest), cohort.manifest["patient_key"].nunique()) == (16, 8)
    assert (labels.classes, labels.counts()) == (["no", "yes"], {"no": 8, "yes": 8})
    development, test = cohort.development(labels), cohort.test(labels)
    assert len(development) + len(test) == 16 and len(test) > 0
    assert not (FOLDER / "private").exists()
    with pytest.raises(InputError, match="private part of the cohort 'example' is not here"):
        cohort.path_of(cohort.manifest["path_key"][0])


def test_it_can_be_made_again(tmp_path: Path):
    spec = importlib.util.spec_from_file_location("make_example", FOLDER / "make.py")
    assert spec and spec.loader
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    made = Cohort.open(make.make(tmp_path))
    there = Cohort.open(FOLDER)
    pd.testing.assert_frame_equal(
        made.manifest.drop(columns="path_key"), there.manifest.drop(columns="path_key"), check_dtype=False
    )
    assert made.split().digest == there.split().digest
    refused = pd.read_csv(made.folder / "refused.csv")
    assert sorted(refused["outcome"]) == ["duplicate", "not_dicom"]
    shutil.rmtree(made.folder)
