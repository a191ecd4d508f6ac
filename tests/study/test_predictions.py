from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.study import predictions
from workbench.study.draws import Drawn
from workbench.study.grid import CellResult
from workbench.study.predictions import write_predictions


def scans(targets: np.ndarray, classes: list[str]) -> Any:
    return SimpleNamespace(
        classes=classes,
        test_targets=targets,
        test_ids=np.array(["S2", "S1", "S3"], dtype=object),
        test_keys=np.array(["P1", "P1", "P0"]),
    )


def cell(arm: str, draw: int, probabilities: list[list[float]]) -> CellResult:
    drawn = Drawn(np.zeros(0, np.int64), 0, 0, "")
    return CellResult(arm, "probe", "10", draw, drawn, np.array(probabilities, np.float32))


FIRST, SECOND = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], [[0.125, 0.875], [0.0, 1.0], [0.75, 0.25]]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_a_row_per_cell_scan_and_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(predictions, "ROWS_AT_ONCE", at_once)
    data = scans(np.array([1, 0, 1]), ["no", "yes"])
    cells = (cell(*given) for given in (("a", 0, FIRST), ("a", 1, SECOND), ("b", 0, FIRST)))
    file = write_predictions(tmp_path / "p.parquet", data, cells)
    table = pd.read_parquet(file)
    assert len(table) == 18 and [path.name for path in tmp_path.iterdir()] == ["p.parquet"]
    assert table.iloc[6:10].astype(str).to_numpy().tolist() == [
        ["a", "probe", "10", "1", "S2", "P1", "yes", "no", "0.125"],
        ["a", "probe", "10", "1", "S2", "P1", "yes", "yes", "0.875"],
        ["a", "probe", "10", "1", "S1", "P1", "no", "no", "0.0"],
        ["a", "probe", "10", "1", "S1", "P1", "no", "yes", "1.0"],
    ]
    assert table["arm"].tolist() == ["a"] * 12 + ["b"] * 6
    assert table["scan_id"].cat.categories.tolist() == ["S1", "S2", "S3"]
    assert (table["patient_key"].dtype, table["class"].dtype) == ("category", "category")
    assert (table["draw"].dtype, table["probability"].dtype) == ("int64", "float32")
    assert pq.ParquetFile(file).num_row_groups == {1: 3, 7: 2, 1000: 1}[at_once]


def test_a_finding_that_is_not_known_stays_so(tmp_path: Path) -> None:
    data = scans(np.array([[1.0, np.nan], [0.0, 1.0], [np.nan, 0.0]]), ["a", "b"])
    table = pd.read_parquet(write_predictions(tmp_path / "p.parquet", data, [cell("x", 0, FIRST)]))
    np.testing.assert_array_equal(table["label"], [1.0, np.nan, 0.0, 1.0, np.nan, 0.0])


def test_what_was_there_stays_whole_when_writing_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "ROWS_AT_ONCE", 1)
    data = scans(np.array([1, 0, 1]), ["no", "yes"])
    file = write_predictions(tmp_path / "p.parquet", data, [cell("a", 0, FIRST)])

    def broken() -> Any:
        yield cell("b", 0, SECOND)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_predictions(file, data, broken())
    assert set(pd.read_parquet(file)["arm"]) == {"a"}
