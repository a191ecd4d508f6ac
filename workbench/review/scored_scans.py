"""Scans that a classifier has scored, with what is known about them: what a review queue is drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.review.queue import ABSENT, PRESENT

if TYPE_CHECKING:
    import pandas as pd

    from workbench.cohort.cohort import Cohort
    from workbench.cohort.labels import Labels


def read_predictions(file: Path, classes: list[str]) -> pd.DataFrame:
    """Predictions as one row per scan: ``scan_id`` and a column per class.

    Args:
        file: ``predictions.parquet`` of a fine-tuning (a row per scan and class) or of ``predict`` with ``unit=scan``.
        classes: The classifier's.

    Raises:
        InputError: The file is absent or holds something else.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError("The predictions cannot be read.", where=file, todo="Run 'workbench predict' anew.") from error
    if {"scan_id", "class", "probability"} <= set(table.columns):
        table = table.pivot(index="scan_id", columns="class", values="probability").reset_index()
    absent = [name for name in ("scan_id", *classes) if name not in table.columns]
    if absent:
        raise InputError(f"The predictions have no column '{absent[0]}'.", where=file, todo="Predict with unit=scan.")
    return table[["scan_id", *classes]]


def with_facts(
    table: pd.DataFrame, cohort: Cohort, labels: Labels | None, *, which: str = "all", finding: str = ""
) -> pd.DataFrame:
    """The scans with ``patient_key, reserved, label``, some of them only.

    Args:
        table: ``scan_id`` and a column per class.
        cohort: Whose scans they are; those that may not be used any more are left out.
        labels: What is known about them, or None.
        which: ``test`` (labelled, of reserved patients), ``development`` (labelled, of others), ``unlabelled`` or
            ``all``.
        finding: Of several findings, the one whose label is wanted.

    Raises:
        InputError: No such scan is left.
    """
    rows = cohort.manifest.loc[cohort.usable(), ["scan_id", "patient_key"]]
    joined = table.merge(rows, on="scan_id")
    joined["reserved"] = cohort.split().is_test(joined["scan_id"].tolist())
    joined["label"] = _labels(joined["scan_id"].tolist(), labels, finding)
    labelled = joined["label"] != ""
    kept = {
        "test": labelled & joined["reserved"],
        "development": labelled & ~joined["reserved"],
        "unlabelled": ~labelled,
        "all": labelled | True,
    }[which]
    if not kept.any():
        raise InputError(f"There are no such scans to review ({which}).", where=f"cohort {cohort.name}")
    return joined[kept].reset_index(drop=True)


def _labels(scans: list[str], labels: Labels | None, finding: str) -> list[str]:
    if labels is None:
        return [""] * len(scans)
    if labels.task != "multilabel":
        known: dict[Any, Any] = dict(zip(labels.table["scan_id"], labels.table["label"], strict=True))
        return [str(known.get(scan, "")) for scan in scans]
    if finding not in labels.classes:
        return [""] * len(scans)
    values = dict(zip(labels.table["scan_id"], labels.table[finding], strict=True))
    words = {0.0: ABSENT, 1.0: PRESENT}
    return [words.get(values.get(scan, -1.0), "") for scan in scans]
