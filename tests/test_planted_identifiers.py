"""Names, numbers and dates planted in every place of the sources are found nowhere again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.planting import STUDY_DATE, Plants, found_in, leaks, plant_folder, readings
from workbench.cli import main

PATIENTS = 12


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, Path, Plants, Path]:
    """Sources, their label table, what was planted, and a workspace beside them."""
    plants = Plants()
    labels = plant_folder(tmp_path / "sources", plants, PATIENTS)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return tmp_path / "sources", labels, plants, workspace


def say(*words: object) -> int:
    return main([str(word) for word in words])


def hunt(workspace: Path, plants: Plants, said: str) -> None:
    assert list(leaks(workspace, plants)) == []
    inside_private = [(place, file.name) for place, _, file in leaks(workspace, plants, private=True)]
    assert inside_private == []
    everything = plants.words | plants.paths | {"MRN": "77192834", "study date": STUDY_DATE}
    assert found_in(said.encode(), everything) == {}


def test_the_hunt_finds_what_is_there(planted, tmp_path: Path):
    sources, labels, plants, _ = planted
    there = {place for place, _, _ in leaks(sources, plants)}
    missing = (
        {*plants.words, *plants.paths} - there - {"label name", "label remark", "label ward", "label file", "disc file"}
    )
    assert missing == set() and {"MRN", "birth date", "study date", "time", "UID"} <= there
    table = tmp_path / "t.parquet"
    pd.DataFrame({"a": [plants.words["PatientName"]] * 1000}).to_parquet(table, compression="zstd")
    assert any(found_in(content, plants.words) for content in readings(table))


def test_nothing_of_them_is_in_the_cohort_the_store_or_what_is_said(planted, capfd: pytest.CaptureFixture[str]):
    sources, labels, plants, workspace = planted
    there = ("--workspace", workspace)
    assert say("index", sources, "--cohort", "c", "--json", *there) == 0
    outcomes = json.loads(capfd.readouterr().out.splitlines()[-1])["outcomes"]
    assert {"image", "archive", "not_dicom", "screenshot", "report_or_state", "bad_geometry"} <= set(outcomes)
    assert say("index", sources, "--cohort", "c", *there) == 0
    assert say("label", "c", labels, "key=patient", "key_column=mrn", "column=finding", *there) == 0
    assert say("split", "c", *there) == 0
    assert say("prepare", "c", "size=32", *there) == 0
    assert say("decide", "c", "sheet", *there) == 0
    assert say("decide", "c", "keep", "finding=Q2", *there) == 0
    assert say("decide", "c", "check", *there) == 0
    assert say("decide", "c", "sign=Dr Ray", *there) == 0
    assert say("decide", "c", *there) == 0
    said = capfd.readouterr()
    hunt(workspace, plants, (said.out + said.err).replace(str(sources.parent), ""))
    cohort = workspace / "data_manifests" / "c"
    assert (cohort / "private" / "contact_sheet.html").is_file() and list((cohort / "findings").glob("*.csv"))
    assert (cohort / "private").stat().st_mode & 0o777 == 0o700
    dates = pd.read_parquet(cohort / "manifest.parquet")["study_date"].dropna()
    assert len(set(dates)) > PATIENTS / 2 and (dates < "2017-08-19").all()


def test_what_goes_wrong_is_said_without_values(planted, capfd: pytest.CaptureFixture[str]):
    sources, labels, plants, workspace = planted
    there = ("--workspace", workspace)
    assert say("index", sources, "--cohort", "c", *there) == 0
    for words in (
        ("label", "c", labels, "key=sop", "key_column=mrn", "column=finding"),
        ("label", "c", labels, "key=patient", "key_column=mrn", "column=remark"),
        ("label", "c", labels, "key=path", "key_column=mrn", "column=finding"),
        ("decide", "c", "keep", "finding=Q2", "reason=Doe^Jane, 27.11.1953"),
    ):
        assert say(*words, *there) == 2
    said = capfd.readouterr()
    words = {place: word for place, word in plants.words.items() if place != "label ward"}
    assert found_in((said.out + said.err).encode(), words | {"MRN": "77192834", "dates": "27.11.1953"}) == {}
    assert list(leaks(workspace, plants)) == []


@pytest.mark.slow
def test_nothing_of_them_is_in_runs_or_mlflow(planted, capfd: pytest.CaptureFixture[str]):
    sources, labels, plants, workspace = planted
    there = ("--workspace", workspace)
    assert say("index", sources, "--cohort", "c", "test_share=0.4", *there) == 0
    assert say("label", "c", labels, "key=patient", "key_column=mrn", "column=finding", *there) == 0
    small = ("size=32", "batch_size=4", "train.precision=fp32", "train.channels_last=off")
    assert say("pretrain", "cohort=c", "name=enc", "epochs=1", *small, *there) == 0
    assert say("embed", "c", "enc", "size=32", *there) == 0
    assert say("finetune", "cohort=c", "encoder=enc", "name=clf", "epochs=1", *small, *there) == 0
    assert say("predict", "clf", sources, *there) in (0, 2)
    said = capfd.readouterr()
    hunt(workspace, plants, (said.out + said.err).replace(str(sources.parent), ""))
    assert (workspace / "mlflow.db").is_file()
