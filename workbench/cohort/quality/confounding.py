"""Rule Q21: does the machine give the label away? A model that knows only scanner or site must not do well."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding

LIMIT = 0.8
FOLDS = 5
FEWEST = 20
"""Labelled scans with and without a class that are needed to say anything."""
COLUMNS = {"scanner": "scanner", "site": "site"}


def confounding(evidence: Evidence) -> Iterator[Finding]:
    """Q21: scanner or site alone predict a class with an area under the curve above 0.8, patients kept apart."""
    labels = evidence.labels
    if labels is None:
        return
    table = labels.table.merge(evidence.scans[["scan_id", "patient_key", *COLUMNS]], on="scan_id")
    for column, noun in COLUMNS.items():
        if table[column].nunique() < 2:
            continue
        values = table[column].astype(object).fillna("not stated").to_numpy(str)
        found = {}
        for name in labels.classes[1:] if labels.task == "binary" else labels.classes:
            known = (table[name].notna() if labels.task == "multilabel" else table["label"].notna()).to_numpy(bool)
            has = ((table[name] == 1) if labels.task == "multilabel" else (table["label"] == name)).to_numpy(bool)
            if min(has[known].sum(), (~has[known]).sum()) < FEWEST:
                continue
            patients = table["patient_key"].to_numpy(str)[known]
            score = _out_of_fold(values[known], has[known], patients)
            auc = area_under_curve(has[known], score)
            if auc > LIMIT:
                found[name] = auc
        if found:
            worst = max(found, key=lambda name: found[name])
            yield Finding(
                "Q21",
                f"{column}_tells_label",
                "warn",
                f"The {noun} gives the label away",
                f"A model that knows nothing but the {noun} finds the class '{worst}' with an area under the curve of "
                f"{found[worst]:.2f}. A network may learn the {noun} in place of the disease.",
                len(found),
                default="Nothing changes; read results per " + noun + ".",
                choices=("keep",),
            )


def _out_of_fold(values: NDArray[np.str_], has: NDArray[np.bool_], patients: NDArray[np.str_]) -> NDArray[np.float64]:
    """For every scan, how often its value goes with the class among the patients of the other folds."""
    order = {patient: number for number, patient in enumerate(sorted(set(patients)))}
    shuffled = np.random.default_rng(0).permutation(len(order))
    folds = np.fromiter((shuffled[order[patient]] % FOLDS for patient in patients), int, len(patients))
    _, codes = np.unique(values, return_inverse=True)
    width = int(codes.max()) + 1
    scores = np.zeros(len(values))
    for fold in range(FOLDS):
        inside = folds != fold
        rate = float(has[inside].mean()) if inside.any() else 0.5
        seen = np.bincount(codes[inside], minlength=width)
        with_class = np.bincount(codes[inside & has], minlength=width)
        scores[~inside] = ((with_class + rate) / (seen + 1.0))[codes[~inside]]
    return scores


def area_under_curve(has: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Probability that a scan with the class has the higher score, ties counted half (Mann and Whitney)."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    positive = int(has.sum())
    return float((ranks[has].sum() - positive * (positive + 1) / 2) / (positive * (len(has) - positive)))
