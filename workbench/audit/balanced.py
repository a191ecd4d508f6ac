"""A model that cannot use the attribute: probes trained on labelled sets in which attribute and label are unrelated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute
from workbench.audit.case_mix import weighted_auc
from workbench.audit.labelled import Labelled
from workbench.audit.material import Material
from workbench.audit.scores import FEWEST_SHOWN
from workbench.evaluation.bootstrap import patient_weights
from workbench.evaluation.probe import fit_probes
from workbench.runs.seeds import mix
from workbench.study.contrasts import Contrast

DRAWS = 10
MOST_PER_CELL = 100
"""Patients of each group and answer in a labelled set, at most: enough to tell, quick to fit."""


@dataclass(frozen=True)
class BalancedTrial:
    """What the trial showed.

    Attributes:
        drop: AUC of probes on natural labelled sets, tested on the natural test set, minus the AUC of probes on
            balanced labelled sets of the same size, tested where attribute and answer are unrelated.
        natural, natural_matched, balanced_matched: The AUCs, by labelled set and test set.
        patients: Labelled patients in each set.
    """

    drop: Contrast
    natural: float
    natural_matched: float
    balanced_matched: float
    patients: int

    @property
    def words(self) -> str:
        """What was measured."""
        return (
            f"AUC {self.natural:.3f} falls to {self.balanced_matched:.3f} when probes are trained and tested where the "
            f"attribute tells nothing ({self.patients} labelled patients each; the natural probes reach "
            f"{self.natural_matched:.3f} there)"
        )

    @classmethod
    def run(
        cls,
        material: Material,
        attribute: Attribute,
        truth: NDArray[np.int64],
        patients: NDArray[Any],
        values: NDArray[Any],
        labelled: Labelled,
    ) -> BalancedTrial | None:
        """Train and test; None where a group and answer has under ten patients on either side.

        Args:
            material: For the seed and the bootstrap.
            attribute: Its groups.
            truth, patients, values: ``(N,)`` of the development scans.
            labelled: Features; the first source is used.
        """
        test_values, test_truth = labelled.attributes[attribute.name][1], labelled.test_truth
        names = [name for name in attribute.groups() if Attribute.comparable(name)]
        cells = [(name, answer) for name in names for answer in (0, 1)]

        def count(name: str, answer: int) -> int:
            own = len(np.unique(patients[(values == name) & (truth == answer)]))
            return min(own, len(np.unique(labelled.test_patients[(test_values == name) & (test_truth == answer)])))

        names = [name for name in names if min(count(name, 0), count(name, 1)) >= FEWEST_SHOWN]
        if len(names) < 2:
            return None
        cells = [(name, answer) for name in names for answer in (0, 1)]
        known = np.isin(values, names) & (truth >= 0)
        people = {cell: np.unique(patients[known & (values == cell[0]) & (truth == cell[1])]) for cell in cells}
        size = min(MOST_PER_CELL, *(len(members) for members in people.values()))
        everyone = np.unique(patients[known])
        draws = []
        for number in range(DRAWS):
            random = np.random.default_rng(mix(material.seed, "balanced", attribute.name, number))
            balanced = np.concatenate([random.choice(people[cell], size, replace=False) for cell in cells])
            natural = random.choice(everyone, min(len(everyone), size * len(cells)), replace=False)
            inside = [
                np.flatnonzero(known & np.isin(patients, natural)),
                _balanced_rows(known, patients, values, truth, balanced, people),
            ]
            draws += inside
        x, x_test = next(iter(labelled.features.values()))
        rows = np.isin(test_values, names) & (test_truth >= 0)
        fits = fit_probes(x, np.maximum(truth, 0), draws, x_test[rows], patients, classes=2, seed=material.seed)
        score, y, v = fits.logits[:, :, 1] - fits.logits[:, :, 0], test_truth[rows], test_values[rows]
        codes = np.unique(v, return_inverse=True)[1]
        weights = patient_weights(
            y + 2 * codes, labelled.test_patients[rows], replicates=material.replicates, seed=material.seed
        )
        matched = _unrelated(y, codes)
        plain = np.concatenate([np.ones((1, len(y))), weights.astype(np.float64)])
        natural_auc = np.stack([weighted_auc(s, y, plain) for s in score[0::2]])
        natural_there = np.stack([weighted_auc(s, y, plain[:1] * matched) for s in score[0::2]])
        balanced_auc = np.stack([weighted_auc(s, y, plain * matched) for s in score[1::2]])
        drop = natural_auc - balanced_auc
        return cls(
            _over_draws(drop[:, 0], drop[:, 1:], size * len(cells), len(everyone)),
            float(natural_auc[:, 0].mean()),
            float(natural_there.mean()),
            float(balanced_auc[:, 0].mean()),
            size * len(cells),
        )


def _balanced_rows(
    known: NDArray[np.bool_],
    patients: NDArray[Any],
    values: NDArray[Any],
    truth: NDArray[np.int64],
    chosen: NDArray[Any],
    people: dict[tuple[str, int], NDArray[Any]],
) -> NDArray[np.int64]:
    """Scans of the chosen patients; of one chosen for a group and answer only the scans that are of it."""
    size = len(chosen) // len(people)
    rows = []
    for place, (name, answer) in enumerate(people):
        mine = chosen[place * size : (place + 1) * size]
        rows.append(np.flatnonzero(known & (values == name) & (truth == answer) & np.isin(patients, mine)))
    return np.unique(np.concatenate(rows))


def _unrelated(truth: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights under which group and answer are unrelated, each kept as common as it is."""
    table = np.zeros((2, int(codes.max()) + 1))
    np.add.at(table, (truth, codes), 1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    return (expected / np.maximum(table, 1e-9))[truth, codes]


def _over_draws(values: NDArray[np.float64], samples: NDArray[np.float64], patients: int, pool: int) -> Contrast:
    """Mean over draws, with the error of test patients (bootstrap), draws, and the pool they were drawn from."""
    draws, test = len(values), float(np.nanvar(samples.mean(axis=0), ddof=1))
    between = float(values.var(ddof=1))
    extra = between * (1 / draws + (patients / (pool - patients) if patients < pool else 1.0))
    total = test + extra
    df = total**2 / (test**2 / 100 + extra**2 / (draws - 1)) if total > 0 else float("inf")
    return Contrast(float(values.mean()), float(np.sqrt(total)), df)
