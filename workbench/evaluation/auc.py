"""Area under the ROC curve, with each patient's influence on it: intervals and paired comparisons in closed form.

Placement values by mid-ranks as in fast DeLong (DeLong et al. 1988; Sun & Xu, IEEE Signal Processing Letters 2014),
summed within patients as in Obuchowski 1997, so that several scans of one patient are not taken for several patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import rankdata
from scipy.stats import t as student

from workbench.errors import InputError
from workbench.evaluation.interval import FEWEST_PATIENTS, Interval, note_on_size, wilson

LEAST_PATIENTS = 5
MIXED = -1


@dataclass(frozen=True)
class Influence:
    """AUCs and what every patient adds to them.

    Attributes:
        auc: ``(...)`` float64; nan where a class has no scan.
        values: ``(..., G)`` float64: each patient's sum of influence values; they sum to zero, and the AUC with
            patient weights ``w`` (mean 1) is about ``auc + values @ w``.
        groups: ``(G,)`` the patients, sorted.
        side: ``(G,)`` int: 1 all scans positive, 0 all negative, -1 both (or not binary).
        outcomes: Which classes or labels the mean is over.
        n: Scans.
        fewest: Patients in the smallest of the sides used.
        apart: ``(...)`` the variance that there would be if every scan were a patient; what clustering costs is seen
            beside it.
    """

    auc: NDArray[np.float64]
    values: NDArray[np.float64]
    groups: NDArray[Any]
    side: NDArray[np.int64]
    outcomes: tuple[int, ...]
    n: int
    fewest: int
    apart: NDArray[np.float64]

    def covariance(self) -> NDArray[np.float64]:
        """Covariance of all AUCs over the sampling of test patients, ``(M, M)`` with M = product of leading axes."""
        return clustered_covariance(self.values.reshape(-1, self.values.shape[-1]), self.side)

    def interval(self) -> Interval:
        """Logit interval of one AUC; see ``auc_interval``."""
        return auc_interval(self)


def placements(
    scores: NDArray[np.floating], labels: NDArray[np.integer | np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUC and centred influence of every scan, by mid-ranks.

    Args:
        scores: ``(..., N)``; only their order matters.
        labels: ``(N,)`` of 0 and 1, both present.

    Returns:
        AUC ``(...)`` and influence values ``(..., N)``: (placement - AUC) / (scans of the same class).
    """
    positive = np.asarray(labels).astype(bool)
    scores = np.asarray(scores)
    n1, n0 = int(positive.sum()), int((~positive).sum())
    ranks = _ranks(scores)
    above = (ranks[..., positive] - _ranks(scores[..., positive])) / n0
    below = 1.0 - (ranks[..., ~positive] - _ranks(scores[..., ~positive])) / n1
    auc = above.mean(axis=-1)
    influence = np.empty(scores.shape, dtype=np.float64)
    influence[..., positive] = (above - auc[..., None]) / n1
    influence[..., ~positive] = (below - auc[..., None]) / n0
    return auc, influence


def influence(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    least_patients: int = LEAST_PATIENTS,
) -> Influence:
    """AUC and patients' influence for any number of score vectors on the same test scans at once.

    Args:
        scores: Binary: ``(..., N)`` scores of the positive class, or ``(..., N, 2)`` (column 1 counts).
            Multi-class: ``(..., N, C)``; the result is the macro one-vs-rest AUC. Multi-label: ``(..., N, L)``; the
            mean over labels. Leading axes (arms, budgets, draws) are free.
        labels: ``(N,)`` class indices, or ``(N, L)`` of 0, 1 and nan (unknown: left out for that label).
        groups: ``(N,)`` patient of each scan.
        least_patients: Multi-label: a label counts when it has this many positive and negative patients.

    Raises:
        InputError: Shapes do not fit, or scores are not finite.
    """
    scores, labels, groups = np.asarray(scores), np.asarray(labels), np.asarray(groups)
    patients, member = np.unique(groups, return_inverse=True)
    scores = _by_outcome(scores, labels)
    kinds = outcomes(labels, groups, least_patients=least_patients, classes=scores.shape[-1])
    if not np.isfinite(scores).all():
        raise InputError("Scores are not all finite.", todo="Look for scans without a prediction.")
    aucs, sums = [], []
    every = np.zeros(scores.shape[:-1])
    for column, target, known in kinds.columns:
        auc, each = placements(scores[..., column][..., known], target[known])
        aucs.append(auc)
        sums.append(_sum_by_patient(each, member[known], len(patients)))
        every[..., known] += each / len(kinds.columns)
    leading = scores.shape[:-2]
    if not aucs:
        nothing = np.full(leading, np.nan)
        no_values = np.full((*leading, len(patients)), np.nan)
        return Influence(nothing, no_values, patients, kinds.side, (), len(labels), 0, nothing)
    return Influence(
        auc=np.mean(aucs, axis=0),
        values=np.mean(sums, axis=0),
        groups=patients,
        side=kinds.side,
        outcomes=tuple(column for column, _, _ in kinds.columns),
        n=len(labels),
        fewest=kinds.fewest,
        apart=(every**2).sum(axis=-1),
    )


@dataclass(frozen=True)
class Outcomes:
    """The yes/no questions of a test set, fixed before any score is seen: ``(column, target, known rows)`` each."""

    columns: list[tuple[int, NDArray[np.int64], NDArray[np.bool_]]]
    side: NDArray[np.int64]
    fewest: int


def outcomes(
    labels: NDArray[Any], groups: NDArray[Any], *, least_patients: int = LEAST_PATIENTS, classes: int = 2
) -> Outcomes:
    """Which classes or labels of a test set can be judged.

    Args:
        labels: ``(N,)`` class indices or ``(N, L)`` of 0, 1 and nan.
        groups: ``(N,)`` patient of each scan.
        least_patients: Multi-label only: patients needed on either side.
        classes: Number of classes, where ``labels`` may lack some.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    patients, member = np.unique(groups, return_inverse=True)
    if labels.ndim == 1:
        present = np.unique(labels)
        wanted = [1] if max(classes - 1, present.max(initial=0)) <= 1 else [int(c) for c in present]
        made = [(c, (labels == c).astype(np.int64), np.ones(len(labels), bool)) for c in wanted]
        least_patients = 1
    else:
        made = [(c, np.nan_to_num(column).astype(np.int64), ~np.isnan(column)) for c, column in enumerate(labels.T)]
    kept, fewest = [], []
    side = np.full(len(patients), MIXED)
    for column, target, known in made:
        positive = np.bincount(member[known & (target == 1)], minlength=len(patients)) > 0
        negative = np.bincount(member[known & (target == 0)], minlength=len(patients)) > 0
        smaller = min(int(positive.sum()), int(negative.sum()))
        if smaller >= least_patients:
            kept.append((column, target, known))
            fewest.append(smaller)
        if len(made) == 1:
            side = np.where(positive & negative, MIXED, positive.astype(np.int64))
    return Outcomes(kept, side, min(fewest, default=0))


def clustered_covariance(values: NDArray[np.float64], side: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Covariance of AUCs over the sampling of patients.

    With labels that are the patient's, each side has its own small-sample factor; where patients hold both classes,
    one factor for all (Obuchowski 1997).

    Args:
        values: ``(M, G)`` patients' influence sums.
        side: ``(G,)`` 1, 0 or -1 as in ``Influence``; None is taken as all mixed.

    Returns:
        ``(M, M)``; nan where there are fewer than two patients on a side.
    """
    return np.sum([part for part, _ in covariance_parts(values, side)], axis=0)


def covariance_parts(
    values: NDArray[np.float64], side: NDArray[np.int64] | None = None
) -> list[tuple[NDArray[np.float64], int]]:
    """The parts of ``clustered_covariance`` with their degrees of freedom, for Satterthwaite's formula.

    Returns:
        One ``((M, M), patients - 1)`` per side, or a single one when patients hold both classes.
    """
    values = np.atleast_2d(values)
    whole = side is None or bool((np.asarray(side) == MIXED).any())
    masks = [np.ones(values.shape[-1], bool)] if whole else [np.asarray(side) == 1, np.asarray(side) == 0]
    parts = []
    for mask in masks:
        count = int(mask.sum())
        inside = values[:, mask]
        factor = count / (count - 1) if count > 1 else np.nan
        parts.append((factor * (inside @ inside.T), count - 1))
    return parts


def auc_interval(found: Influence, *, level: float = 0.95) -> Interval:
    """Interval of one AUC on the logit scale, by Student's t, never narrower than a small sample allows.

    Its variance is at least A(1-A) / m with m = 0.75 n - 1 (modified Wald; Kottas, Kuss & Zapf 2014). Where that floor
    counts, as at an AUC of 1, the interval is Wilson's for m trials, which stays sensible there. n is the number of
    scans, divided by what clustering costs, and at least the number of patients.

    Args:
        found: Of one score vector (``auc`` is a scalar).
        level: Coverage.
    """
    area = float(found.auc)
    patients = len(found.groups)
    note = note_on_size(found.fewest)
    if not np.isfinite(area) or found.fewest < FEWEST_PATIENTS:
        return Interval(area, np.nan, np.nan, found.n, patients, note)
    parts = [(float(part[0, 0]), df) for part, df in covariance_parts(found.values, found.side)]
    variance = sum(part for part, _ in parts)
    df = variance**2 / sum(part**2 / nu for part, nu in parts) if variance > 0 else float(patients - 2)
    reach = float(student.ppf(0.5 + level / 2.0, df))
    alike = found.n * float(found.apart) / variance if variance > 0 else 0.0
    trials = 0.75 * float(np.clip(alike, patients, max(patients, found.n))) - 1.0
    spread = area * (1.0 - area)
    if variance <= spread / trials:
        low, high = wilson(area, trials, reach)
    else:
        half = reach * np.sqrt(variance) / spread
        low, high = expit(logit(area) - half), expit(logit(area) + half)
    return Interval(area, float(min(low, area)), float(max(high, area)), found.n, patients, note)


def _ranks(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    return rankdata(scores, method="average", axis=-1).astype(np.float64)


def _sum_by_patient(each: NDArray[np.float64], member: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Sum ``(..., n)`` within patients to ``(..., count)``."""
    order = np.argsort(member, kind="stable")
    present, starts = np.unique(member[order], return_index=True)
    sums = np.zeros((*each.shape[:-1], count))
    sums[..., present] = np.add.reduceat(each[..., order], starts, axis=-1)
    return sums


def _by_outcome(scores: NDArray[np.floating], labels: NDArray[Any]) -> NDArray[np.floating]:
    """Scores as ``(..., N, columns)``; a binary score vector becomes column 1."""
    n = len(labels)
    if scores.ndim >= 2 and scores.shape[-2] == n and (labels.ndim == 1 or scores.shape[-1] == labels.shape[1]):
        columns = int(labels.max(initial=0)) + 1 if labels.ndim == 1 else 1
        if scores.shape[-1] >= max(columns, 2 if labels.ndim == 1 else 1):
            return scores
    if labels.ndim == 1 and scores.ndim >= 1 and scores.shape[-1] == n and labels.max(initial=0) <= 1:
        return np.stack([scores, scores], axis=-1)
    raise InputError(
        "Scores and labels do not fit together.",
        where=f"scores {scores.shape}, labels {labels.shape}",
        todo="Give one score per scan and class: (..., N) for two classes, (..., N, C) otherwise.",
    )
