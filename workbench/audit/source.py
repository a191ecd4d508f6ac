"""Where an audit's scores come from, brought to one form: a study, a fine-tuning, or a prediction run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.scores import Point
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.evaluation.units import Units

if TYPE_CHECKING:
    from workbench.store.store import Store

Features = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Source:
    """What was run, and on which scans.

    Attributes:
        kind: ``study``, ``finetune`` or ``predict``.
        run_id: Of the run.
        cohort, labels: Of it.
        arm, protocol: What is audited.
        reference: Arm and protocol that it is compared with; empty for none.
        points: Of the audited arm, by growing number of labels.
        reference_points: Of the reference.
        test_ids, test_targets: Test scans.
        units: What an answer is about, over the test scans.
        unit: ``scan``, ``exam`` or ``patient``.
        unit_targets, unit_patients: Per unit.
        dev_ids, dev_targets, dev_patients: Labelled development scans.
        budget_unit: What a budget counts.
        features: Name of a source of features to a function that gives those of the development and test scans; the
            audited arm's first. Empty where nothing is frozen.
        store: The pixels, or None.
        pool: Scan ids of the encoder's pool, or of the cohort's.
        warnings: What a reader must know.
        facts: Digests and names for the record.
    """

    kind: str
    run_id: str
    cohort: Cohort
    labels: Labels
    arm: str
    protocol: str
    reference: tuple[str, str]
    points: list[Point]
    reference_points: list[Point]
    test_ids: NDArray[Any]
    test_targets: NDArray[Any]
    units: Units
    unit: str
    unit_targets: NDArray[Any]
    unit_patients: NDArray[Any]
    dev_ids: NDArray[Any]
    dev_targets: NDArray[Any]
    dev_patients: NDArray[Any]
    budget_unit: str
    features: dict[str, Callable[[], Features]] = field(default_factory=dict)
    store: Store | None = None
    pool: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=object))
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def pool_patients(self) -> int:
        """Labelled development patients, from which budgets are drawn."""
        return len(np.unique(self.dev_patients))


def pool_of(cohort: Cohort, facts: dict[str, Any]) -> NDArray[Any]:
    """The scans that an encoder was pretrained on, where they are of this cohort; else the cohort's own pool.

    Args:
        cohort: The cohort.
        facts: The encoder's.
    """
    from workbench.cohort.leaks import PoolKeys

    file = cohort.pools_dir / f"{facts.get('pool_digest')}.parquet"
    if facts.get("cohort") == cohort.name and file.is_file():
        scans = PoolKeys.read(file).table["scan_id"].to_numpy(dtype=object)
        return scans[np.isin(scans, cohort.manifest["scan_id"].to_numpy(dtype=object))]
    return cohort.pool()
