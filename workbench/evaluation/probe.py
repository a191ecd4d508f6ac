"""The linear probe: ridge-logistic regression on frozen features, its penalty chosen inside the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logsumexp, softmax

from workbench.evaluation.budget_rules import checked, task_of, too_small
from workbench.evaluation.folds import assign_folds
from workbench.evaluation.standardise import Standardiser

LAMBDAS = tuple(float(v) for v in 10.0 ** np.linspace(-4.0, 0.5, 10))
FIXED_LAMBDA = 1e-2


@dataclass(frozen=True)
class ProbeFits:
    """Many probes, one per draw of labelled scans.

    Attributes:
        task: ``binary``, ``multiclass`` or ``multilabel``.
        probabilities: ``(draws, N_test, C)`` float32 (binary: C = 2; multi-label: C = L, each by itself).
        logits: ``(draws, N_test, C)`` float32: their softmax (multi-label: sigmoid) is ``probabilities``.
        lambdas: ``(draws, Q)`` float64: the penalty chosen; Q = 1, or L for multi-label.
        fixed: ``(draws, Q)`` bool: the budget was too small to choose, so the fixed penalty was used.
        unfit: ``(draws, Q)`` bool: the draw has one class only: chance (the prevalence) is predicted.
        oof_logits: One ``(n_draw, C)`` float32 per draw, in the order of its rows: logits of each scan by the probe
            of the folds without its patient; nan where no fold can be held out.
        weights: ``(draws, C, D)`` float32 for raw features: ``logits = features @ weights.T + bias``.
        bias: ``(draws, C)`` float32.
        unconverged: Draws in which a fit ran out of steps (none is expected).
    """

    task: str
    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    lambdas: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    unfit: NDArray[np.bool_]
    oof_logits: list[NDArray[np.float32]]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    unconverged: int = 0

    def probe(self, draw: int) -> Probe:
        """One of them, to use by itself."""
        return Probe(
            self.task,
            self.weights[draw],
            self.bias[draw],
            self.lambdas[draw],
            self.fixed[draw],
            self.unfit[draw],
            self.oof_logits[draw],
        )


@dataclass(frozen=True)
class Probe:
    """One linear probe.

    Attributes:
        task: ``binary``, ``multiclass`` or ``multilabel``.
        weights: ``(C, D)`` float32 for raw features; two rows for a binary task, mirror images of each other. They
            start a linear head.
        bias: ``(C,)`` float32.
        lambdas, fixed, unfit: ``(Q,)`` as in ``ProbeFits``.
        oof_logits: ``(n, C)`` float32, in the order of the rows fitted.
    """

    task: str
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    lambdas: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    unfit: NDArray[np.bool_]
    oof_logits: NDArray[np.float32] = field(repr=False)

    def logits(self, features: ArrayLike) -> NDArray[np.float32]:
        """``(N, D)`` raw features to logits ``(N, C)``."""
        raw = np.asarray(features, dtype=np.float64) @ self.weights.astype(np.float64).T + self.bias
        return raw.astype(np.float32)

    def predict_proba(self, features: ArrayLike) -> NDArray[np.float32]:
        """``(N, D)`` raw features to probabilities ``(N, C)``."""
        return to_probabilities(self.logits(features), self.task)


def to_probabilities(logits: ArrayLike, task: str) -> NDArray[np.float32]:
    """Softmax over the last axis; sigmoid for ``multilabel``. ``(..., C)`` to ``(..., C)`` float32."""
    z = np.asarray(logits, dtype=np.float64)
    return (expit(z) if task == "multilabel" else softmax(z, axis=-1)).astype(np.float32)


def fit_probe(
    features: ArrayLike,
    targets: ArrayLike,
    groups: ArrayLike,
    *,
    classes: int | None = None,
    standardiser: Standardiser | None = None,
    lambdas: Sequence[float] = LAMBDAS,
    weights: ArrayLike | None = None,
    seed: int = 0,
) -> Probe:
    """Fit one probe on all labelled rows; arguments as in ``fit_probes``.

    Args:
        features: ``(n, D)`` raw features of the labelled scans.
        targets: ``(n,)`` class indices, or ``(n, L)`` of 0, 1 and nan.
        groups: ``(n,)`` patient of each scan.
        classes: Number of classes, where ``targets`` may lack some.
        standardiser: Give the one fitted on the unlabelled pool; default: fitted on ``features``.
        lambdas: Penalties to choose from.
        weights: ``(n,)`` weight of each scan; default 1.
        seed: Of the folds.
    """
    x = np.asarray(features)
    fits = fit_probes(
        x,
        targets,
        [np.arange(len(x))],
        x[:0],
        groups,
        classes=classes,
        standardiser=standardiser,
        lambdas=lambdas,
        weights=weights,
        seed=seed,
    )
    return fits.probe(0)


def fit_probes(
    features: ArrayLike,
    targets: ArrayLike,
    draws: Sequence[ArrayLike],
    test_features: ArrayLike,
    groups: ArrayLike,
    *,
    classes: int | None = None,
    standardiser: Standardiser | None = None,
    lambdas: Sequence[float] = LAMBDAS,
    weights: ArrayLike | None = None,
    seed: int = 0,
) -> ProbeFits:
    """Fit one probe per draw, all draws, folds and penalties at once.

    Args:
        features: ``(N, D)`` raw features of the development pool.
        targets: ``(N,)`` class indices (-1: unlabelled; no draw may hold it), or ``(N, L)`` of 0, 1 and nan.
        draws: Row indices into ``features``, one array per draw; budgets may differ.
        test_features: ``(N_test, D)`` raw features.
        groups: ``(N,)`` patient of each row; no patient is in two folds.
        classes: Number of classes, where ``targets`` may lack some.
        standardiser: Default: fitted on all of ``features`` (the unlabelled pool).
        lambdas: Penalties to choose from.
        weights: ``(N,)`` weight of each scan; default 1.
        seed: Of the folds; the same for every arm, so that arms share folds.
    """
    from workbench.evaluation.solver import Draw, solve

    x, y, rows_of, test, patients = checked(features, targets, draws, test_features, groups)
    task, count = task_of(y, classes)
    standardiser = standardiser or Standardiser.fit(x)
    pool = standardiser(x)
    mass = np.ones(len(x), np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
    questions = count if task == "multilabel" else 1
    made = _Results(task, len(rows_of), count, questions, x.shape[1])
    batches: dict[tuple[int, ...], tuple[list[int], list[Draw]]] = {}
    for number, rows in enumerate(rows_of):
        target = y[rows]
        answerable = _answerable(target, task, count)
        made.unfit[number] = not len(answerable) if task != "multilabel" else ~np.isin(np.arange(count), answerable)
        made.chance(number, target)
        if not len(answerable):
            continue
        columns = target[:, answerable] if task == "multilabel" else np.searchsorted(answerable, target)
        folds = assign_folds(columns, patients[rows], seed=seed, classes=len(answerable))
        fixed = too_small(len(rows), folds.fewest, folds.sound)
        holds = folds.count if folds.sound.all() else 0
        numbers, members = batches.setdefault(tuple(answerable), ([], []))
        numbers.append(number)
        members.append(Draw(rows, _columns(columns, task, len(answerable)), folds.ids, holds, fixed, mass[rows]))
    for answerable, (numbers, members) in batches.items():
        several = task == "multiclass" and len(answerable) > 2
        solved = solve(pool, members, softmax=several, penalties=lambdas, fixed_penalty=FIXED_LAMBDA)
        for number, draw, found in zip(numbers, members, solved, strict=True):
            made.put(number, np.asarray(answerable), draw, found, standardiser)
    return made.finish(test)


def _answerable(target: NDArray[Any], task: str, count: int) -> NDArray[np.int64]:
    """Classes that occur (none when there is one only), or labels with both answers."""
    if task == "multilabel":
        return np.flatnonzero((target == 0).any(axis=0) & (target == 1).any(axis=0))
    present = np.flatnonzero(np.bincount(target, minlength=count))
    return present if len(present) > 1 else present[:0]


def _columns(columns: NDArray[Any], task: str, present: int) -> NDArray[np.float32]:
    """Targets for the solver: one-hot for three classes or more, one column of 0 and 1 for two."""
    if task == "multilabel":
        return columns.astype(np.float32)
    return np.eye(present, dtype=np.float32)[columns] if present > 2 else columns[:, None].astype(np.float32)


class _Results:
    """The arrays of ``ProbeFits`` while they fill."""

    def __init__(self, task: str, draws: int, count: int, questions: int, width: int) -> None:
        self.task, self.count = task, count
        self.weights = np.zeros((draws, count, width))
        self.bias = np.zeros((draws, count))
        self.lambdas = np.full((draws, questions), np.nan)
        self.fixed = np.ones((draws, questions), bool)
        self.unfit = np.zeros((draws, questions), bool)
        self.held_out: list[NDArray[np.float32]] = [np.empty((0, count), np.float32)] * draws
        self.unconverged = 0

    def chance(self, number: int, target: NDArray[Any]) -> None:
        """The prevalence, half a scan added to every answer, until something better is put in its place."""
        if self.task == "multilabel":
            known = ~np.isnan(target)
            share = (np.nansum(target, axis=0) + 0.5) / (known.sum(axis=0) + 1.0)
            self.bias[number] = np.log(share) - np.log1p(-share)
        else:
            self.bias[number] = np.log(np.bincount(target, minlength=self.count) + 0.5)
            self.bias[number] -= self.bias[number].mean()
        self.held_out[number] = np.full((len(target), self.count), np.nan, np.float32)

    def put(
        self, number: int, answerable: NDArray[np.int64], draw: Any, found: Any, standardiser: Standardiser
    ) -> None:
        """Take over one draw; classes that it lacks keep the share of half a scan."""
        weights, bias = standardiser.to_raw(found.weights, found.bias)
        held_out = found.held_out
        if self.task == "multilabel":
            self.lambdas[number, answerable], self.fixed[number, answerable] = found.penalty, draw.fixed
        else:
            self.lambdas[number], self.fixed[number] = found.penalty, draw.fixed
            if len(found.bias) == 1:  # one sigmoid becomes two mirrored logits
                weights, bias = (np.concatenate([-half, half]) for half in (weights / 2, bias / 2))
                held_out = np.concatenate([-held_out / 2, held_out / 2], axis=1)
        self.weights[number, answerable], self.bias[number, answerable] = weights, bias
        self.held_out[number][:, answerable] = held_out
        self.unconverged += not found.reached
        absent = np.setdiff1d(np.arange(self.count), answerable)
        if self.task == "multiclass" and len(absent):
            at_mean = found.bias if len(found.bias) > 1 else np.concatenate([-found.bias, found.bias]) / 2
            self.bias[number, absent] = logsumexp(at_mean) + np.log(0.5 / len(draw.rows))
            self.held_out[number][:, absent] = self.bias[number, absent]

    def finish(self, test: NDArray[Any]) -> ProbeFits:
        """Score the test scans, all draws in one product."""
        draws, count, width = self.weights.shape
        weights, bias = self.weights.astype(np.float32), self.bias.astype(np.float32)
        flat = np.asarray(test, dtype=np.float64) @ weights.reshape(-1, width).T.astype(np.float64)
        logits = (flat.reshape(len(test), draws, count).transpose(1, 0, 2) + bias[:, None]).astype(np.float32)
        return ProbeFits(
            task=self.task,
            probabilities=to_probabilities(logits, self.task),
            logits=logits,
            lambdas=self.lambdas,
            fixed=self.fixed,
            unfit=self.unfit,
            oof_logits=self.held_out,
            weights=weights,
            bias=bias,
            unconverged=self.unconverged,
        )
