"""What a study reads: the development scans with their labels, the test set, and the images where arms need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.config import digest_of
from workbench.errors import InputError
from workbench.evaluation.units import Units
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.study.draws import Development
from workbench.study.settings import StudySettings

if TYPE_CHECKING:
    from workbench.store.store import Store


@dataclass(frozen=True)
class StudyData:
    """The scans of a study.

    Attributes:
        cohort: Where they come from.
        classes, task: Of the labels.
        labels_version: Of the labels.
        dev_ids, test_ids: Scan ids.
        development: The development scans' patients and targets.
        dev_targets, test_targets: ``(N,)`` class indices or ``(N, L)`` of 0, 1 and nan, per scan.
        test_patients: ``(N_test,)`` group of each test scan: the patient, with others who share a picture.
        test_keys: ``(N_test,)`` patient key of each test scan.
        units: What an answer is about, over the test scans.
        unit_targets, unit_patients: Per unit.
        store: The images, or None when all arms are files of features.
        left_out: Labelled scans that could not be decoded.
        digest: Of scans, labels and groups.
    """

    cohort: Cohort
    classes: list[str]
    task: str
    labels_version: str
    dev_ids: NDArray[Any]
    test_ids: NDArray[Any]
    development: Development
    dev_targets: NDArray[Any]
    test_targets: NDArray[Any]
    test_patients: NDArray[Any]
    test_keys: NDArray[Any]
    units: Units
    unit_targets: NDArray[Any]
    unit_patients: NDArray[Any]
    store: Store | None
    left_out: int
    digest: str

    def patients_per_class(self) -> dict[str, int]:
        """Test patients with each class."""
        return Development(self.test_patients, self.test_targets, self.classes).patients_per_class()


def read_data(settings: StudySettings, workspace: Workspace, progress: Progress | None = None) -> StudyData:
    """Read cohort, labels, split and store.

    Raises:
        InputError: No such cohort or labels, or one side of the split has no labelled scan or one class only.
    """
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    labels = cohort.labels(settings.labels or None)
    dev_ids, test_ids = np.sort(cohort.development(labels)), np.sort(cohort.test(labels))
    store, left_out = None, 0
    if any(arm.encoder for arm in settings.arms.values()):
        from workbench.store.building import build_store

        store = build_store(cohort, settings.size, workspace=workspace, progress=progress)
        before = len(dev_ids) + len(test_ids)
        dev_ids, test_ids = dev_ids[store.has(dev_ids)], test_ids[store.has(test_ids)]
        left_out = before - len(dev_ids) - len(test_ids)
    for side, ids in (("development", dev_ids), ("test", test_ids)):
        counts = labels.counts(ids)
        if labels.task != "multilabel" and sum(count > 0 for count in counts.values()) < 2:
            raise InputError(
                f"The {side} set has scans of one class only, or none.",
                where=", ".join(f"{name}: {count}" for name, count in counts.items()),
                todo="Label more scans; 'workbench split' shows how they fall.",
            )
    rows = cohort.manifest.set_index("scan_id")

    def column(name: str, ids: NDArray[Any]) -> NDArray[Any]:
        return rows[name].reindex(ids).to_numpy().astype(str)

    columns = {"exam": "study_key", "patient": "patient_key"}
    units = Units.of(column(columns[settings.unit], test_ids) if settings.unit in columns else test_ids.astype(str))
    dev_targets, test_targets = labels.targets(dev_ids), labels.targets(test_ids)
    dev_patients, test_patients = (column("group", ids) for ids in (dev_ids, test_ids))
    digest = digest_of(
        [
            dev_ids.tolist(),
            test_ids.tolist(),
            labels.version,
            np.nan_to_num(dev_targets, nan=-1.0).tolist(),
            settings.unit,
        ]
    )
    return StudyData(
        cohort=cohort,
        classes=list(labels.classes),
        task=labels.task,
        labels_version=labels.version,
        dev_ids=dev_ids,
        test_ids=test_ids,
        development=Development(dev_patients, dev_targets, labels.classes),
        dev_targets=dev_targets,
        test_targets=test_targets,
        test_patients=test_patients,
        test_keys=column("patient_key", test_ids),
        units=units,
        unit_targets=units.targets(test_targets, classes=len(labels.classes)),
        unit_patients=units.groups(test_patients),
        store=store,
        left_out=left_out,
        digest=digest,
    )
