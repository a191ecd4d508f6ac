"""``workbench label``: join a label table (CSV or Excel) to a cohort."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workbench.cohort.cohort import Cohort
from workbench.cohort.decisions import account
from workbench.cohort.labelling import FEW_PATIENTS, few_in_test, join_labels
from workbench.cohort.quality.report import refresh
from workbench.config import Result, Settings
from workbench.runs.audit_log import log
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace


class LabelSettings(Settings):
    """Which table, which cohort, and how rows find scans."""

    cohort: str = Field(description="Name of the cohort.")
    labels: Path = Field(description="The label table: CSV (any delimiter and encoding) or Excel (.xlsx).")
    key: str = Field("path", description="What a row speaks about: path, sop, series, study or patient.")
    column: str = Field("label", description="Label column; several separated by commas make a multi-label task.")
    key_column: str = Field("", description="Column with the keys; found by its name when empty.")
    task: str = Field("auto", description="binary, multiclass, multilabel, ordinal, or auto to see from the values.")
    positive: str = Field("", description="Binary task: the class that counts as positive; guessed when empty.")
    order: str = Field("", description="Ordinal task: the classes from low to high, separated by commas.")
    attributes: str = Field("auto", description="Further columns to keep: auto, none, or names separated by commas.")
    version: str = Field("", description="Name of this version of the labels; v1, v2, ... when empty.")


class LabelResult(Result):
    """What joined and what did not."""

    cohort: str
    version: str
    task: str
    classes: list[str]
    counts: dict[str, int]
    rows: int
    rows_joined: int
    rows_not_joined: int
    rows_ambiguous: int
    rows_joined_loosely: int
    not_joined_file_rows: list[int]
    scans_labelled: int
    patients_labelled: int
    scans_without_label: int
    conflicts: int
    conflicting_keys: list[str]
    identical_pictures_with_different_labels: int
    attributes: list[str]
    columns_not_kept: dict[str, str]
    development_scans: int
    test_scans: int
    few_in_test: dict[str, int]

    def summary(self) -> str:
        """The join in sentences."""
        counts = ", ".join(f"{name}: {self.counts[name]:,}" for name in self.classes)
        lines = [
            f"Labels {self.version} of '{self.cohort}': {self.task}, {counts}.",
            f"{self.rows_joined:,} of {self.rows:,} rows joined; {self.rows_not_joined:,} did not.",
            f"{self.scans_labelled:,} scans of {self.patients_labelled:,} patients have a label, "
            f"{self.scans_without_label:,} scans have none.",
            f"Development set: {self.development_scans:,} scans. Test set: {self.test_scans:,} scans.",
        ]
        if self.not_joined_file_rows:
            shown = ", ".join(map(str, self.not_joined_file_rows[:20]))
            more = " ..." if len(self.not_joined_file_rows) > 20 else ""
            lines.append(f"Rows of the file without a scan: {shown}{more}.")
        if self.rows_ambiguous:
            lines.append(f"{self.rows_ambiguous:,} rows fit more than one patient or file and were not joined.")
        if self.rows_joined_loosely:
            lines.append(f"{self.rows_joined_loosely:,} rows joined after leading zeros or capitals were ignored.")
        if self.conflicts:
            lines.append(
                f"{self.conflicts:,} keys have rows that contradict each other; their scans were left out "
                f"(hashed keys: {', '.join(self.conflicting_keys[:5])}{' ...' if self.conflicts > 5 else ''})."
            )
        if self.identical_pictures_with_different_labels:
            number = self.identical_pictures_with_different_labels
            lines.append(f"{number:,} identical pictures carry different labels and were left out.")
        for name, reason in self.columns_not_kept.items():
            lines.append(f"Column '{name}' was not kept: {reason}.")
        for name, number in self.few_in_test.items():
            lines.append(
                f"Warning: the class '{name}' has {number} patients in the test set, fewer than {FEW_PATIENTS}; its "
                "intervals will be wide. 'workbench split' with stratify=label can help."
            )
        return "\n".join(lines)


def label(settings: LabelSettings, *, workspace: Workspace, progress: Progress | None = None) -> LabelResult:
    """Join a label table to a cohort and publish it as the next version of its labels.

    Identifiers in the table are hashed on the way in; the table itself is not kept.

    Raises:
        InputError: The table does not fit: no such column, no row joins, one class only.
    """
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    labels = join_labels(
        cohort,
        settings.labels,
        key=settings.key,
        column=settings.column,
        key_column_name=settings.key_column,
        task=settings.task,
        positive=settings.positive,
        order=settings.order,
        attributes=settings.attributes,
        version=settings.version,
    )
    refresh(cohort)
    log(workspace, "labels", settings.cohort, account(), version=labels.version, scans=len(labels.table))
    report = labels.report
    same = (
        "rows", "rows_joined", "rows_not_joined", "rows_ambiguous", "rows_joined_loosely", "not_joined_file_rows",
        "scans_labelled", "patients_labelled", "scans_without_label", "columns_not_kept",
    )  # fmt: skip
    return LabelResult(
        cohort=settings.cohort,
        version=labels.version,
        task=labels.task,
        classes=labels.classes,
        counts=labels.counts(),
        conflicts=report["conflict_count"],
        conflicting_keys=report["conflicts"],
        identical_pictures_with_different_labels=len(report["identical_pictures_with_different_labels"]),
        attributes=[name for name in labels.attributes.columns if name != "scan_id"],
        development_scans=len(cohort.development(labels)),
        test_scans=len(cohort.test(labels)),
        few_in_test=few_in_test(cohort, labels),
        **{name: report[name] for name in same},
    )
