"""A classifier's results on the patients set aside, in words with intervals; and where it looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from app.components.download import download
from app.components.frame import empty, escape
from app.components.run_pictures import run_pictures
from app.runs_view import RunView
from app.wording import count

NAMES = {
    "auc": "Ranking quality (AUC)",
    "average_precision": "Average precision (AP)",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Finds what is there (sensitivity)",
    "specificity": "Leaves the others alone (specificity)",
    "brier": "Error of the probabilities (Brier score, lower is better)",
    "log_loss": "Log-loss (lower is better)",
}
METHODS = {"probe": "a quick reader on the frozen encoder", "finetune": "full teaching", "knn": "nearest neighbours"}


def classifier_result(run: RunView) -> None:
    """Draw the results of a finished fine-tuning."""
    metrics, result = run.json("metrics.json"), run.json("result.json")
    if not metrics:
        empty("This run left no results.")
        return
    st.markdown(f"##### {escape(opening(metrics))}")
    if result:
        st.markdown(
            f"By {METHODS.get(str(result.get('method')), 'teaching')} from {escape(result.get('encoder', '?'))}, with "
            f"{count(result.get('n_patients', 0), 'labelled patients')} "
            f"({count(result.get('n_scans', 0), 'pictures')}). "
            f"Tested once, on {count(result.get('test_patients', 0), 'patients')} set aside "
            f"({count(result.get('test_scans', 0), 'pictures')})."
        )
    for sentence in sentences(metrics):
        st.markdown(f"- {sentence}")
    st.dataframe(
        pd.DataFrame(rows(metrics)), hide_index=True, alt="All figures with their intervals",
        column_config={"Figure": {"width": 330}, "Value": {"width": 70}, "95 % interval": {"width": 130}},
    )  # fmt: skip
    run_pictures(
        run.path, "Where it looked", "saliency*.png",
        note="Warm colours: what moved the answer most. A map is no proof of a right reason.",
    )  # fmt: skip
    file = run.path / "predictions.parquet"
    if file.is_file():
        download(
            st, "Download the answers, picture by picture", file.read_bytes(), file_name=f"{run.run_id}-{file.name}",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def opening(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The ranking quality in one sentence, with its interval."""
    auc = metrics.get("auc", {})
    if auc.get("value") is None:
        return "Its ranking quality (AUC) cannot be told."
    interval = f" ({auc['low']:.2f} to {auc['high']:.2f})" if auc.get("low") is not None else " (no interval)"
    return f"Ranking quality (AUC) {auc['value']:.2f}{interval}; 0.5 is guessing, 1.0 is perfect."


def sentences(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sensitivity and specificity as people out of a hundred, and what limits the figures."""
    said = []
    found, spared = metrics.get("sensitivity", {}), metrics.get("specificity", {})
    if found.get("value") is not None:
        said.append(f"It finds {_of_hundred(found)} that have the finding.")
    if spared.get("value") is not None:
        flagged = {
            name: None if spared.get(other) is None else 1 - spared[other]
            for name, other in (("value", "value"), ("low", "high"), ("high", "low"))
        }
        said.append(f"It wrongly flags {_of_hundred(flagged)} that do not have it.")
    notes = dict.fromkeys(str(entry["note"]) for entry in metrics.values() if entry.get("note"))
    said += [f"Take care: {escape(note)}." for note in notes]
    return said


def rows(metrics: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The figures as a table."""
    return [
        {
            "Figure": NAMES.get(name, name.replace("_", " ")),
            "Value": "–" if entry.get("value") is None else f"{entry['value']:.3f}",
            "95 % interval": "–" if entry.get("low") is None else f"{entry['low']:.3f} to {entry['high']:.3f}",
            "Patients": f"{entry.get('n_patients', 0):,}",
        }
        for name, entry in metrics.items()
    ]


def _of_hundred(entry: Mapping[str, float | None]) -> str:
    value, low, high = entry.get("value"), entry.get("low"), entry.get("high")
    interval = f" ({100 * low:.0f} to {100 * high:.0f})" if low is not None and high is not None else ""
    return f"{100 * (value or 0.0):.0f} of 100{interval}"
