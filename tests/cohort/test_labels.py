from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.cohort.labels import Labels, next_version, versions
from workbench.errors import InputError, OperationFailed

TABLE = pd.DataFrame({"scan_id": ["a", "b", "c"], "label": ["yes", "no", "yes"]})
BINARY = Labels(
    "v1", "binary", ["no", "yes"], TABLE, TABLE[["scan_id"]].assign(age=["1", "2", "3"]), "path", {"rows": 3}
)
MANY = pd.DataFrame({"scan_id": ["a", "b"], "x": [1.0, np.nan], "y": [0.0, 1.0]})


def test_targets_follow_the_order_asked_for():
    found = BINARY.targets(["c", "b", "c"])
    assert found.dtype == np.int64 and found.tolist() == [1, 0, 1]
    assert BINARY.counts() == {"no": 1, "yes": 2} and BINARY.counts(["b"]) == {"no": 1, "yes": 0}
    assert BINARY.scan_ids.tolist() == ["a", "b", "c"]


def test_multilabel_targets_keep_what_is_not_known():
    labels = Labels("v1", "multilabel", ["x", "y"], MANY, MANY[["scan_id"]])
    found = labels.targets(["b", "a"])
    assert found.dtype == np.float32 and np.array_equal(found, [[np.nan, 1], [1, 0]], equal_nan=True)
    assert labels.counts() == {"x": 1, "y": 1}


def test_scans_without_label_are_named():
    with pytest.raises(InputError, match="1 of 2 scans have no label in version v1"):
        BINARY.targets(["a", "z"])


def test_published_and_read_again(tmp_path: Path):
    BINARY.write(tmp_path)
    again = Labels.read(tmp_path)
    assert (again.version, again.task, again.classes, again.unit, again.report) == (
        "v1",
        "binary",
        ["no", "yes"],
        "path",
        {"rows": 3},
    )
    pd.testing.assert_frame_equal(again.table, TABLE)
    assert again.attributes["age"].tolist() == ["1", "2", "3"]
    with pytest.raises(InputError, match="'v1' exist already"):
        BINARY.write(tmp_path)


def test_versions_are_numbered_and_the_latest_is_read(tmp_path: Path):
    assert next_version(tmp_path) == "v1"
    for name in ("v1", "v2", "v10"):
        Labels(name, "binary", ["no", "yes"], TABLE, TABLE[["scan_id"]]).write(tmp_path)
    assert versions(tmp_path) == ["v1", "v2", "v10"] and next_version(tmp_path) == "v11"
    assert Labels.read(tmp_path).version == "v10" and Labels.read(tmp_path, "v2").version == "v2"
    with pytest.raises(InputError, match="no labels 'v3'.*Known: v1, v2, v10"):
        Labels.read(tmp_path, "v3")


def test_no_labels_and_damaged_labels(tmp_path: Path):
    with pytest.raises(InputError, match="no labels yet"):
        Labels.read(tmp_path)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "v1.parquet").write_bytes(b"junk")
    with pytest.raises(OperationFailed, match="labels cannot be read"):
        Labels.read(tmp_path)
