"""Draws: one random order of the development patients each; a budget is a prefix of it.

So budgets are nested, every prefix is stratified, and all arms get the same labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.runs.seeds import mix

SEEDED_PER_CLASS = 2
SCANS_PER_PATIENT = 4
WINDOW = 32
ALL = "all"


@dataclass(frozen=True)
class Development:
    """The labelled scans from which budgets are drawn.

    Attributes:
        patients: ``(N,)`` patient (group) of each scan.
        targets: ``(N,)`` class indices, or ``(N, L)`` of 0, 1 and nan.
        classes: Names of the classes.
    """

    patients: NDArray[Any]
    targets: NDArray[Any]
    classes: Sequence[str]
    names: NDArray[Any] = field(init=False)
    member: NDArray[np.int64] = field(init=False)
    has: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        names, member = np.unique(np.asarray(self.patients).astype(str), return_inverse=True)
        if self.targets.ndim == 2:
            found = np.nan_to_num(np.asarray(self.targets, dtype=float)) == 1
            found = np.column_stack([found, ~found.any(axis=1)])  # "no finding" is an answer, too
        else:
            found = np.eye(len(self.classes), dtype=bool)[self.targets]
        has = np.zeros((len(names), found.shape[1]), bool)
        np.logical_or.at(has, member, found)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "member", member)
        object.__setattr__(self, "has", has)

    @property
    def count(self) -> int:
        """Patients."""
        return len(self.names)

    @property
    def single_valued(self) -> bool:
        """Whether every patient's scans have one and the same class."""
        return self.targets.ndim == 1 and bool((self.has.sum(axis=1) == 1).all())

    def patients_per_class(self) -> dict[str, int]:
        """Patients that have each class."""
        names = [*self.classes] if self.targets.ndim == 1 else [*self.classes, "no finding"]
        return {name: int(count) for name, count in zip(names, self.has.sum(axis=0), strict=True)}

    def smallest_budget(self) -> int:
        """Patients that the seeding of every class takes: no budget below it can be drawn."""
        return SEEDED_PER_CLASS * int((self.has.sum(axis=0) > 0).sum())


@dataclass(frozen=True)
class Budget:
    """One point of the curve: how many labels, as asked for.

    Attributes:
        asked: A number, or ``all``.
        unit: ``patients`` or ``scans``.
    """

    asked: int | str
    unit: str

    def __str__(self) -> str:
        return str(self.asked)


@dataclass(frozen=True)
class Drawn:
    """The labelled scans of one draw at one budget.

    Attributes:
        rows: Indices into the development scans, sorted.
        n_patients, n_scans: How many there really are.
        order_hash: The same for every arm that was given this draw.
    """

    rows: NDArray[np.int64]
    n_patients: int
    n_scans: int
    order_hash: str


def patient_order(development: Development, *, seed: int, task: str, draw: int) -> NDArray[np.int64]:
    """The order in which one draw labels patients; any prefix from ``smallest_budget`` on is stratified.

    Neither arm nor protocol is in the seed, so all of them share draws. Where every patient has one class, the class
    that lags furthest behind its share comes next; otherwise (several findings, or a patient with several classes) the
    patient out of 32 random ones that brings the labels' shares closest to the pool's, after Sechidis et al. 2011
    (iterative stratification).

    Args:
        development: The labelled scans.
        seed: The study's seed.
        task: A digest of the labels, so that another question gets other draws.
        draw: Number of the draw.

    Returns:
        ``(patients,)`` indices into ``development.names``.
    """
    random = np.random.default_rng(mix(seed, task, draw))
    by_chance = random.permutation(development.count)
    taken = np.zeros(development.count, bool)
    order: list[int] = []
    for column in np.argsort(development.has.sum(axis=0), kind="stable"):
        have = sum(development.has[patient, column] for patient in order)
        for patient in by_chance:
            if have >= SEEDED_PER_CLASS:
                break
            if development.has[patient, column] and not taken[patient]:
                taken[patient] = True
                order.append(int(patient))
                have += 1
    rest = [int(patient) for patient in by_chance if not taken[patient]]
    if development.single_valued:
        order += _by_class(development, rest, order, random)
    else:
        order += _by_labels(development, rest, order)
    return np.asarray(order)


def _by_class(development: Development, rest: list[int], order: list[int], random: np.random.Generator) -> list[int]:
    kind = development.has.argmax(axis=1)
    share = development.has.mean(axis=0)
    queues = [[patient for patient in rest if kind[patient] == column] for column in range(len(share))]
    places = [0] * len(queues)
    taken = np.bincount(kind[order], minlength=len(share)).astype(float)
    chosen = []
    for step in range(len(order) + 1, development.count + 1):
        lag = step * share - taken + 1e-9 * random.random(len(share))
        open_classes = [column for column, queue in enumerate(queues) if places[column] < len(queue)]
        column = max(open_classes, key=lambda c: lag[c])
        chosen.append(queues[column][places[column]])
        places[column] += 1
        taken[column] += 1
    return chosen


def _by_labels(development: Development, rest: list[int], order: list[int]) -> list[int]:
    has = development.has.astype(float)
    share = has.mean(axis=0)
    scale = np.maximum(share * (1 - share), 1e-6)
    counts = has[order].sum(axis=0)
    queue = list(rest)
    chosen = []
    step = len(order)
    while queue:
        step += 1
        window = queue[:WINDOW]
        miss = (((counts + has[window] - step * share) ** 2) / scale).sum(axis=1)
        best = int(miss.argmin())
        counts += has[window[best]]
        chosen.append(window[best])
        del queue[best]
    return chosen


def draw(
    development: Development, budget: Budget, order: NDArray[np.int64], *, cap: int = SCANS_PER_PATIENT, seed: int = 0
) -> Drawn:
    """The labelled scans of a budget: those of the first patients of an order.

    Args:
        development: The labelled scans.
        budget: In ``scans``, whole patients are taken until there are that many scans.
        order: As ``patient_order`` gives it.
        cap: Most scans taken of one patient (at random), so that one patient is not a class of their own; 0: all.
        seed: Which scans of a patient with more than ``cap`` are taken.

    Raises:
        InputError: The budget is smaller than the smallest, or larger than the pool.
    """
    kept = capped(development, cap, seed)
    if budget.asked == ALL:
        patients = development.count
    elif budget.unit == "patients":
        patients = int(budget.asked)
    else:
        per_patient = np.bincount(development.member[kept], minlength=development.count)[order]
        patients = int(np.searchsorted(np.cumsum(per_patient), int(budget.asked)) + 1)
    refuse(development, budget, patients, len(kept))
    rows = kept[np.isin(development.member[kept], order[:patients])]
    digest = hashlib.sha256("\n".join(development.names[order[:patients]]).encode()).hexdigest()[:16]
    return Drawn(rows, patients, len(rows), digest)


def available(development: Development, unit: str, *, cap: int = SCANS_PER_PATIENT) -> int:
    """How many labels there are in the whole development set, in ``patients`` or ``scans``."""
    return development.count if unit == "patients" else len(capped(development, cap, 0))


def capped(development: Development, cap: int, seed: int) -> NDArray[np.int64]:
    """Rows left when no patient may have more than ``cap`` scans; the choice is the same for every draw and arm."""
    if not cap:
        return np.arange(len(development.member))
    chance = np.random.default_rng(mix(seed, "cap")).random(len(development.member))
    order = np.lexsort((chance, development.member))
    counts = np.bincount(development.member, minlength=development.count)
    starts = np.repeat(np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    place = np.arange(len(order)) - starts
    return np.sort(order[place < cap])


def refuse(development: Development, budget: Budget, patients: int, scans: int) -> None:
    """Say why a budget cannot be drawn.

    Raises:
        InputError: With the counts per class and the budgets that are possible.
    """
    counts = ", ".join(f"{name}: {count}" for name, count in development.patients_per_class().items())
    fewest = development.smallest_budget()
    small = {name: count for name, count in development.patients_per_class().items() if 0 < count < SEEDED_PER_CLASS}
    if small:
        raise InputError(
            f"A class has too few patients in the development set to draw from (development patients: {counts}).",
            where=", ".join(small),
            todo=f"Label more patients of that class (at least {SEEDED_PER_CLASS}), or leave the class out.",
        )
    if patients < fewest:
        raise InputError(
            f"A budget of {budget} {budget.unit} is too small: every class needs {SEEDED_PER_CLASS} patients.",
            where=f"development patients: {counts}",
            todo=f"The smallest budget here is {fewest} patients.",
        )
    if patients > development.count:
        raise InputError(
            f"A budget of {budget} {budget.unit} is more than there is: {development.count:,} patients with {scans:,} "
            "scans are in the development set.",
            where=f"development patients: {counts}",
            todo=f"Use a smaller budget, or {ALL}.",
        )
