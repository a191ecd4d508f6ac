"""Does choosing what to label help? Labelling replayed on labels at hand, each strategy against chance.

Every repeat starts from the same few patients for all strategies, lets each label patient by patient up to the largest
budget, and fits a probe at every budget. Strategies are compared like a study's arms: paired over repeats, with
intervals over test patients, repeats and the pool, and a verdict in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.acquisition import Strategy, propose
from workbench.evaluation.auc import influence, outcomes
from workbench.evaluation.probe import fit_probes
from workbench.evaluation.standardise import Standardiser
from workbench.runs.seeds import mix
from workbench.study.comparison import Comparison, Pair, compare
from workbench.study.covariance import covariance
from workbench.study.curves import Cell, Curves
from workbench.study.data import StudyData
from workbench.study.draws import patient_order

RANDOM: Strategy = "random"


@dataclass(frozen=True)
class Trial:
    """What the replay showed.

    Attributes:
        budgets: Labelled patients at each point.
        curves: Mean AUC of every strategy at every budget; its cells' ``arm`` is the strategy.
        comparisons: Each strategy against chance.
        repeats: Replays.
    """

    budgets: list[int]
    curves: Curves
    comparisons: list[Comparison]
    repeats: int

    @property
    def verdict(self) -> str:
        """In words, one sentence per strategy."""
        return " ".join(found.verdict.sentence.replace(" (linear probe)", "") for found in self.comparisons)


def run_trial(
    train: NDArray[Any],
    test: NDArray[Any],
    data: StudyData,
    budgets: Sequence[int],
    *,
    strategies: Sequence[Strategy] = ("auto",),
    repeats: int = 20,
    audit_share: float = 0.2,
    margin: float = 0.01,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Trial:
    """Replay labelling on the development set and score every step on the test set.

    Args:
        train: ``(N_dev, D)`` frozen features of the development scans.
        test: ``(N_test, D)`` of the test scans.
        data: Whose scans, labels and patients they are.
        budgets: Labelled patients at each point; the first is drawn by chance, stratified, for all strategies alike.
        strategies: To compare with chance, which is always run.
        repeats: Replays, 20 or more for a verdict worth having.
        audit_share: Share of every batch that is chosen by chance, as in use.
        margin: AUC difference that matters.
        seed: Of everything random.
        told: Told after each replay how many are done, and of how many.

    Raises:
        InputError: The budgets do not grow, are too small to hold every class, or exceed the patients there are.
    """
    budgets = [int(b) for b in budgets]
    patients = data.development.names[data.development.member]
    if len(budgets) < 2 or any(b <= a for a, b in zip(budgets, budgets[1:], strict=False)):
        raise InputError("The budgets of a trial must grow, two at least.", where=f"budgets {budgets}")
    if budgets[0] < data.development.smallest_budget() or budgets[-1] > data.development.count:
        raise InputError(
            f"A trial can go from {data.development.smallest_budget()} to {data.development.count:,} patients.",
            where=f"budgets {budgets}",
            todo="Name budgets in between.",
        )
    standardiser = Standardiser.fit(train)
    pool = standardiser(train)
    names: list[Strategy] = [RANDOM, *(s for s in dict.fromkeys(strategies) if s != RANDOM)]
    scores: dict[str, list[list[NDArray[Any]]]] = {name: [[] for _ in budgets] for name in names}

    def fit(rows: list[NDArray[np.int64]], against: NDArray[Any], number: int) -> Any:
        return fit_probes(
            train,
            data.dev_targets,
            rows,
            against,
            patients,
            classes=len(data.classes),
            standardiser=standardiser,
            seed=mix(seed, "folds", number),
        )

    for number in range(repeats):
        order = patient_order(data.development, seed=seed, task=data.digest, draw=number)
        start = np.isin(data.development.member, order[: budgets[0]])
        for name in names:
            labelled, steps = start.copy(), [np.flatnonzero(start)]
            for at, budget in enumerate(budgets[1:]):
                wanted = budget - budgets[at]
                needs = name in ("uncertain", "auto")
                guess = fit([steps[-1]], train, number).probabilities[0] if needs else None
                found = propose(
                    pool,
                    patients,
                    labelled,
                    wanted,
                    probabilities=guess,
                    strategy=name,
                    audit_share=audit_share,
                    seed=mix(seed, name, number, budget),
                )
                labelled |= np.isin(patients, patients[found.rows])
                steps.append(np.flatnonzero(labelled))
            for at, probabilities in enumerate(fit(steps, test, number).probabilities):
                scores[name][at].append(data.units.scores(probabilities))
        if told:
            told(number + 1, repeats)
    curves = _curves(scores, budgets, data, repeats)
    pairs = [Pair((name, "probe"), (RANDOM, "probe"), primary=True) for name in names[1:]]
    comparisons = compare(curves, covariance(curves), pairs, margin=margin, seed=mix(seed, "trial") % 2**31)
    return Trial(budgets, curves, comparisons, repeats)


def _curves(scores: dict[str, list[list[NDArray[Any]]]], budgets: list[int], data: StudyData, repeats: int) -> Curves:
    cells, side = [], np.zeros(0, np.int64)
    for name, steps in scores.items():
        for budget, found in zip(budgets, steps, strict=True):
            reach = influence(np.stack(found), data.unit_targets, data.unit_patients)
            side = reach.side
            cells.append(
                Cell(
                    name,
                    "probe",
                    str(budget),
                    n=float(budget),
                    patients=float(budget),
                    draws=np.arange(repeats),
                    auc=reach.auc,
                    influence=reach.values.mean(axis=0),
                )
            )
    kinds = outcomes(data.unit_targets, data.unit_patients, classes=len(data.classes))
    return Curves(cells, side, data.development.count, (kinds.fewest, len(np.unique(data.unit_patients))))
