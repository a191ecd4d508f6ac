"""Rule Q20: the join of the labels: rows without pictures, contradictions, given splits that share patients, few cases.

Exact counts are those of the published labels; rows that found no scan are known by number only.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

FEW_PATIENTS = 10
SPLIT_WORDS = frozenset(
    ("train", "training", "trn", "test", "testing", "tst", "val", "valid", "validation", "dev", "development", "tune")
    + ("tuning", "holdout", "external")
)


def label_join(evidence: Evidence) -> Iterator[Finding]:
    """Q20: what went wrong between labels and pictures, and classes of fewer than ten patients."""
    labels = evidence.labels
    if labels is None:
        return
    report = labels.report
    absent = int(report.get("rows_not_joined", 0))
    if absent:
        yield Finding(
            "Q20",
            "labels_without_pictures",
            "warn",
            "Labels without pictures",
            f"{number_of(absent, 'row')} of the label table found no picture (labels {labels.version}).",
            absent,
            default="These rows are not used.",
        )
    torn = int(report.get("conflict_count", 0))
    if torn:
        yield Finding(
            "Q20",
            "label_conflicts",
            "stop",
            "Contradicting labels",
            f"{number_of(torn, 'key', 'has', 'have')} rows in the label table that contradict each other.",
            torn,
            default="Their pictures have no label.",
            choices=("keep",),
        )
    pictures = list(report.get("identical_pictures_with_different_labels", ()))
    if pictures:
        rows = evidence.scans[evidence.scans["pixel_hash"].isin(pictures)].sort_values(["pixel_hash", "scan_id"])
        yield Finding(
            "Q20",
            "identical_other_label",
            "stop",
            "One picture, two labels",
            f"{number_of(len(pictures), 'picture', 'occurs', 'occur')} several times with different labels.",
            len(pictures),
            default="These pictures have no label.",
            choices=("keep", "exclude"),
            scans=rows["scan_id"].tolist(),
            details=[f"picture {digest[:8]}" for digest in rows["pixel_hash"]],
        )
    yield from _given_splits(evidence)
    yield from _small_classes(evidence)


def _given_splits(evidence: Evidence) -> Iterator[Finding]:
    """Columns of the label table that look like a split and put one patient on two sides."""
    labels = evidence.labels
    assert labels is not None
    patients = evidence.scans.set_index("scan_id")["patient_key"]
    for name in labels.attributes.columns:
        if name == "scan_id":
            continue
        values = labels.attributes.set_index("scan_id")[name].dropna().astype(str)
        if values.empty or not set(values.str.lower()) - {""} <= SPLIT_WORDS:
            continue
        sides = values.groupby(patients.reindex(values.index)).nunique()
        torn = sides.index[sides > 1]
        if len(torn):
            scans = [scan for scan in values.index if patients.get(scan) in set(torn)]
            yield Finding(
                "Q20",
                "given_split_leaks",
                "warn",
                "A given split that shares patients",
                f"The column '{name}' looks like a split, and {number_of(len(torn), 'patient', 'lies', 'lie')} on both "
                "sides of it. Results obtained with it are too good.",
                len(torn),
                default="The cohort's own split is by patient and is not concerned.",
                scans=scans,
                details=[f"patient {patients[scan]}, {values[scan]}" for scan in scans],
            )


def _small_classes(evidence: Evidence) -> Iterator[Finding]:
    labels = evidence.labels
    assert labels is not None
    table = labels.table.merge(evidence.scans[["scan_id", "patient_key"]], on="scan_id")
    few = {}
    for name in labels.classes:
        has = (table[name] == 1) if labels.task == "multilabel" else (table["label"] == name)
        number = int(table.loc[has, "patient_key"].nunique())
        if number < FEW_PATIENTS:
            few[name] = number
    if few:
        yield Finding(
            "Q20",
            "small_classes",
            "stop",
            "Classes with few patients",
            f"Fewer than {FEW_PATIENTS} patients have the class "
            + ", ".join(f"'{name}' ({number})" for name, number in few.items())
            + ": it can be neither learnt nor tested.",
            len(few),
            default="The class stays.",
            choices=("keep",),
        )
