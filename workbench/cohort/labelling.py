"""Joining a label table to a cohort: rows find scans, conflicts are set aside and told, a version is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.cohort.cohort import Cohort
from workbench.cohort.label_attributes import choose_attributes
from workbench.cohort.label_join import Join, join
from workbench.cohort.label_table import column_named, key_column, read_label_table
from workbench.cohort.label_values import RowTargets, read_targets
from workbench.cohort.labels import Labels, next_version
from workbench.errors import InputError
from workbench.runs.workspace import plain_name

if TYPE_CHECKING:
    import pandas as pd

FEW_PATIENTS = 10
LISTED = 1000


def join_labels(
    cohort: Cohort,
    file: Path,
    *,
    key: str,
    column: str,
    key_column_name: str = "",
    task: str = "auto",
    positive: str = "",
    order: str = "",
    attributes: str = "auto",
    version: str = "",
) -> Labels:
    """Read a label table, join it, and publish it as the cohort's next labels.

    Args:
        cohort: The cohort.
        file: CSV or Excel; it is read only, and neither kept nor copied.
        key: What a row speaks about: ``path``, ``sop``, ``series``, ``study`` or ``patient``.
        column: The label column, or several separated by commas for a multi-label task.
        key_column_name: The column with the keys; found by its name when empty.
        task, positive, order: See ``label_values.read_targets``.
        attributes: See ``label_attributes.choose_attributes``.
        version: A name of one's own; the next of ``v1, v2, ...`` when empty.

    Returns:
        The published labels; ``report`` tells what joined.

    Raises:
        InputError: The table, a column, a key or the classes do not fit.
    """
    table = read_label_table(file)
    columns = [column_named(table, name.strip()) for name in column.split(",") if name.strip()]
    if not columns:
        raise InputError("No label column was named.", todo=f"Choose from: {', '.join(table.columns)} (column=NAME).")
    keys = key_column(table, key, key_column_name)
    if keys in columns:
        raise InputError(f"The column '{keys}' cannot be both key and label.", todo="Name another column.")
    found = join(cohort, table[keys].tolist(), key)
    joined_rows = sorted(set(found.pairs["row"]))
    targets = read_targets(table.loc[joined_rows], columns, task=task, positive=positive, order=order)
    kept, dropped = choose_attributes(
        table, [keys, *columns], cohort.manifest["patient_key"].nunique(), wanted=attributes
    )
    labelled, conflicts = _one_per_scan(found, targets)
    labelled, pictures = _without_contradicting_pictures(labelled, cohort.manifest)
    _check_classes(labelled, targets, conflicts + pictures)
    extra = _attributes_of(found, table, kept, labelled)
    report = _report(cohort, found, len(table), labelled, conflicts, pictures, targets, dropped)
    chosen = plain_name(version, "label version") if version else next_version(cohort.folder)
    labels = Labels(chosen, targets.task, targets.classes, labelled, extra, key, report)
    labels.write(cohort.folder)
    return labels


def few_in_test(cohort: Cohort, labels: Labels) -> dict[str, int]:
    """Classes with fewer than ten patients in the test set, and how many they have."""
    manifest = cohort.manifest.set_index("scan_id")
    test = cohort.test(labels)
    rows = labels.table[labels.table["scan_id"].isin(set(test))]
    patients = manifest["patient_key"].reindex(rows["scan_id"]).to_numpy(dtype=object)
    counts = {}
    for name in labels.classes:
        has = (rows[name] == 1) if labels.task == "multilabel" else (rows["label"] == name)
        counts[name] = len(set(patients[has.to_numpy(bool)]))
    return {name: number for name, number in counts.items() if number < FEW_PATIENTS}


def _one_per_scan(found: Join, targets: RowTargets) -> tuple[pd.DataFrame, list[str]]:
    """One row per scan; scans whose rows contradict each other are left out and their rows' hashed keys told."""
    names = list(targets.table.columns)
    merged = found.pairs.merge(targets.table, left_on="row", right_index=True)
    filled = merged["label"] != "" if names == ["label"] else merged[names].notna().any(axis=1)
    merged = merged[filled]
    spread = merged.groupby("scan_id")[names].nunique(dropna=True).max(axis=1)
    torn = set(spread.index[spread > 1])
    conflicts = sorted({found.row_keys[row] for row in merged.loc[merged["scan_id"].isin(torn), "row"]})
    # groupby.first takes the first stated value of each finding, so rows that complete each other are united
    table = merged[~merged["scan_id"].isin(torn)].groupby("scan_id", sort=False)[names].first().reset_index()
    return table, conflicts


def _without_contradicting_pictures(table: pd.DataFrame, manifest: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out identical pictures that carry different labels; their picture hashes are told."""
    names = [name for name in table.columns if name != "scan_id"]
    pictures = manifest.loc[manifest["flags"].str.contains("identical_pixels"), ["scan_id", "pixel_hash"]]
    merged = table.merge(pictures, on="scan_id")
    if merged.empty:
        return table, []
    spread = merged.groupby("pixel_hash")[names].nunique(dropna=True).max(axis=1)
    torn = sorted(spread.index[spread > 1])
    scans = set(merged.loc[merged["pixel_hash"].isin(torn), "scan_id"])
    return table[~table["scan_id"].isin(scans)].reset_index(drop=True), torn


def _check_classes(labelled: pd.DataFrame, targets: RowTargets, conflicts: list[str]) -> None:
    if targets.task == "multilabel":
        empty = [name for name in targets.classes if labelled[name].nunique(dropna=True) < 2]
    else:
        empty = sorted(set(targets.classes) - set(labelled["label"]))
    if empty:
        raise InputError(
            f"After the join, the class '{empty[0]}' has no scan ({len(conflicts):,} conflicts were set aside).",
            todo="Resolve the conflicting rows of the label file, or index the missing scans.",
        )


def _attributes_of(found: Join, table: pd.DataFrame, kept: list[str], labelled: pd.DataFrame) -> pd.DataFrame:
    merged = found.pairs.merge(table[kept], left_on="row", right_index=True)
    merged = merged[merged["scan_id"].isin(set(labelled["scan_id"]))].drop_duplicates("scan_id")
    return merged[["scan_id", *kept]].reset_index(drop=True)


def _report(
    cohort: Cohort,
    found: Join,
    rows: int,
    labelled: pd.DataFrame,
    conflicts: list[str],
    pictures: list[str],
    targets: RowTargets,
    dropped: dict[str, str],
) -> dict[str, Any]:
    patients = cohort.manifest.loc[cohort.manifest["scan_id"].isin(set(labelled["scan_id"])), "patient_key"]
    return {
        "rows": rows,
        "rows_joined": rows - len(found.not_joined),
        "rows_not_joined": len(found.not_joined),
        "not_joined": [found.row_keys[row] for row in found.not_joined[:LISTED]],
        "not_joined_file_rows": [row + 2 for row in found.not_joined[:LISTED]],
        "rows_ambiguous": len(found.ambiguous),
        "rows_joined_loosely": found.loose,
        "scans_labelled": len(labelled),
        "patients_labelled": int(np.unique(patients.to_numpy(dtype=str)).size),
        "scans_without_label": len(cohort.manifest) - len(labelled),
        "conflicts": conflicts[:LISTED],
        "conflict_count": len(conflicts),
        "identical_pictures_with_different_labels": pictures[:LISTED],
        "uncertain_cells": targets.uncertain,
        "columns_not_kept": dropped,
    }
