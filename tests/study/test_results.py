from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from workbench.study.results import finite


@pytest.fixture
def summary(finished: SimpleNamespace) -> dict[str, Any]:
    return json.loads((finished.folder / "summary.json").read_text())


def test_results_are_long_and_complete(finished: SimpleNamespace) -> None:
    table = pd.read_parquet(finished.folder / "results.parquet")
    assert list(table.columns) == ["arm", "protocol", "budget", "draw", "n_scans", "n_patients", "metric", "value"]
    assert set(table["metric"]) == {"auc", "average_precision", "balanced_accuracy", "brier", "log_loss"}
    cells = table.drop_duplicates(["arm", "protocol", "budget", "draw"])
    assert len(cells) == 3 * 2 * (3 * 5 + 1) == finished.result.cells
    assert (cells.loc[cells["budget"] == "20", "n_patients"] == 20).all()
    assert (cells.loc[cells["budget"] == "20", "n_scans"] == 40).all()
    assert table["value"].notna().all()


def test_predictions_give_the_metrics_back(finished: SimpleNamespace) -> None:
    """Scans of one exam are pooled by their mean; two scans of a patient are two exams here."""
    table = pd.read_parquet(finished.folder / "predictions.parquet")
    assert list(table.columns) == [
        "arm", "protocol", "budget", "draw", "scan_id", "patient_key", "label", "class", "probability",
    ]  # fmt: skip
    known = finished.cohort.manifest.set_index("scan_id")["patient_key"]
    assert (table["patient_key"].astype(str) == known[table["scan_id"].astype(str)].to_numpy()).all()
    cell = table.query("arm == 'strong' and protocol == 'probe' and budget == '20' and draw == 2")
    positive = cell[cell["class"] == "yes"]
    results = pd.read_parquet(finished.folder / "results.parquet").query(
        "arm == 'strong' and protocol == 'probe' and budget == '20' and draw == 2 and metric == 'auc'"
    )
    wanted = roc_auc_score(positive["label"] == "yes", positive["probability"])
    assert results["value"].item() == pytest.approx(wanted, abs=1e-6)
    sums = cell.groupby("scan_id", observed=True)["probability"].sum()
    np.testing.assert_allclose(sums, 1, atol=1e-5)


def test_an_arm_with_the_references_features_is_identical(summary: dict[str, Any]) -> None:
    """S5, through the whole study."""
    found = [entry for entry in summary["comparisons"] if entry["arm"] == "twin"]
    assert [entry["verdict"]["short"] for entry in found] == ["identical", "identical"]
    assert found[0]["area"]["difference"] == 0 and found[0]["area"]["p"] == 1


def test_a_better_arm_helps(summary: dict[str, Any], finished: SimpleNamespace) -> None:
    strong = next(e for e in summary["comparisons"] if e["arm"] == "strong" and e["primary"])
    assert strong["verdict"]["short"] == "helps"
    assert strong["reference"] == "weak" and strong["reference_protocol"] == "probe"
    assert strong["verdict"]["sentence"] in summary["verdict"] == finished.result.verdict
    for at in strong["differences"]:
        assert at["low"] <= at["point_low"] <= at["value"] <= at["point_high"] <= at["high"]
    assert finished.result.labels_saved["strong"]["text"].startswith("> ")
    assert finished.result.labels_saved["twin"] is None


def test_the_summary_counts_what_it_rests_on(summary: dict[str, Any], finished: SimpleNamespace) -> None:
    labels = finished.cohort.labels()
    assert summary["test"]["scans"] == len(finished.cohort.test(labels))
    assert summary["test"]["units"] == summary["test"]["scans"]
    assert sum(summary["test"]["patients_per_class"].values()) == summary["test"]["patients"]
    assert summary["test"]["patients"] + summary["development"]["patients"] == 160
    assert summary["digests"]["split"] == finished.cohort.split().digest
    assert summary["level"].startswith("new pool")
    assert {budget: len(hashes) for budget, hashes in summary["order_hashes"].items()} == {
        "10": 5, "20": 5, "40": 5, "all": 1,
    }  # fmt: skip
    point = next(p for p in summary["curve"] if (p["arm"], p["protocol"], p["budget"]) == ("weak", "probe", "40"))
    assert point["low"] < point["value"] < point["high"]
    assert set(point["se"]) == {"test", "draw", "pool"} and point["chosen"]["median"] > 0
    everything = next(p for p in summary["curve"] if p["budget"] == "all")
    assert everything["draws"] == 1 and everything["draw_sd"] is None
    assert everything["se"]["draw"] == pytest.approx(0, abs=1e-8) and everything["se"]["pool"] > 0


def test_what_was_not_run_is_said(summary: dict[str, Any]) -> None:
    pool = summary["development"]["patients"]
    assert summary["not_run"] == [
        f"500 labelled patients by {protocol}: the development set has {pool} patients only."
        for protocol in ("probe", "knn")
    ]


def test_warnings(summary: dict[str, Any]) -> None:
    assert any("smallest class: intervals are wide" in warning for warning in summary["warnings"])
    told = [warning for warning in summary["warnings"] if "unknown" in warning]
    assert told == ["What the encoders of 'weak', 'strong' and 'twin' saw is unknown: they may have seen test scans."]


def test_infinite_bounds_are_null() -> None:
    assert finite({"a": [float("inf"), float("nan"), np.float64(1.5), np.int64(2)], "b": "x"}) == {
        "a": [None, None, 1.5, 2],
        "b": "x",
    }
