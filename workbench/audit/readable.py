"""Can an attribute be read from frozen features? Probes trained and tested on healthy cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute
from workbench.audit.labelled import Labelled
from workbench.audit.scores import FEWEST_SHOWN, Point
from workbench.audit.strata import Stratum, joint, statistic
from workbench.evaluation.auc import influence
from workbench.evaluation.interval import Interval, note_on_size
from workbench.evaluation.probe import fit_probes
from workbench.runs.seeds import mix
from workbench.study.contrasts import curve_interval

HALVES = 6
"""Probes on random halves of the patients: their spread is what another training set of the whole size would add."""


def readable(
    attribute: Attribute,
    labelled: Labelled,
    metadata: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    *,
    seed: int = 0,
) -> tuple[tuple[str, ...], dict[str, Interval], str]:
    """How well each source of features tells the groups apart; 0.5 is chance.

    Args:
        attribute: Its groups; those with ten healthy patients in the development set and in the test set are told
            apart.
        labelled: Features and truth.
        metadata: Other header fields, as one more source.
        seed: Of the halves.

    Returns:
        The groups, the AUC of each source (macro one-vs-rest for several groups) with an interval over test patients
        and training sets, and why there is none.
    """
    train, test = labelled.attributes[attribute.name]
    healthy, healthy_test = labelled.truth == 0, labelled.test_truth == 0
    values = []
    for name in attribute.groups():
        people = [
            len(np.unique(p[h & (v == name)]))
            for p, h, v in ((labelled.patients, healthy, train), (labelled.test_patients, healthy_test, test))
        ]
        if Attribute.comparable(name) and min(people) >= FEWEST_SHOWN:
            values.append(name)
    if len(values) < 2:
        return tuple(values), {}, f"fewer than two groups have {FEWEST_SHOWN} healthy patients on both sides"
    rows, rows_test = healthy & np.isin(train, values), healthy_test & np.isin(test, values)
    order = np.sort(values)
    target, truth = np.searchsorted(order, train[rows]), np.searchsorted(order, test[rows_test])
    draws, people = _halves(target, labelled.patients[rows], mix(seed, "readable", attribute.name))
    sources = dict(labelled.features)
    if metadata is not None:
        sources["other header fields"] = metadata
    found = {}
    for name, (x, x_test) in sources.items():
        fits = fit_probes(x[rows], target, draws, x_test[rows_test], labelled.patients[rows], classes=len(values))
        found[name] = _interval(fits.probabilities, truth, labelled.test_patients[rows_test], people)
    return tuple(values), found, ""


def _halves(
    target: NDArray[np.int64], patients: NDArray[np.str_], seed: int
) -> tuple[list[NDArray[np.int64]], tuple[int, int]]:
    """Rows of half of each group's patients, several times, and then all rows; patients in a half and in all."""
    names, member = np.unique(patients, return_inverse=True)
    group = np.zeros(len(names), np.int64)
    group[member] = target
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(HALVES):
        chosen = [
            random.permutation(np.flatnonzero(group == value))[: (int((group == value).sum()) + 1) // 2]
            for value in np.unique(group)
        ]
        draws.append(np.flatnonzero(np.isin(member, np.concatenate(chosen))))
    half = len(np.unique(member[draws[0]]))
    return [*draws, np.arange(len(target))], (half, len(names))


def _interval(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], patients: NDArray[np.str_], people: tuple[int, int]
) -> Interval:
    """Of the last probe's AUC; the spread of the others stands for that of training sets."""
    found = influence(probabilities, truth, patients)
    nothing = np.zeros((0, 0, 0))
    cells = []
    for budget, draws in (("half", slice(0, -1)), ("all", slice(-1, None))):
        count = people[0] if budget == "half" else people[1]
        own = found.auc[draws]
        point = Point("probe", "probe", budget, count, count, np.arange(len(own)), nothing)
        cells.append(statistic(point, "readable", own, found.values[draws]))
    inside = np.ones(len(found.groups), bool)
    last = joint([Stratum("readable", cells, inside, found.side)], people[1]).contrast(np.array([0.0, 1.0]))
    low, high = curve_interval(last.estimate, last.se, last.df, (found.fewest, len(found.groups)))
    return Interval(last.estimate, low, high, len(truth), len(found.groups), note_on_size(found.fewest))
