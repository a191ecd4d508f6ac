"""Does acting on the model do more good than acting on everybody or nobody, and than acting on the reference?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from workbench.audit.material import Material
from workbench.audit.scores import Point
from workbench.evaluation.bootstrap import patient_weights
from workbench.evaluation.decision_curve import interventions_avoided, net_benefit, treat_all
from workbench.evaluation.prevalence import shifted

STEP = 0.01
REPLICATES = 400
ROUNDING = 1e-9
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Benefit:
    """A decision curve at one budget.

    Attributes:
        thresholds: ``(T,)``.
        model, everybody: ``(T,)`` net benefit; that of nobody is 0.
        reference: ``(T,)`` of the reference arm, or None.
        gain: ``(T,)`` model minus the better of everybody and nobody.
        low, high: ``(T,)`` of the gain, simultaneous over all thresholds.
        reference_gain, reference_low, reference_high: Model minus reference, simultaneous; None without one.
        avoided: ``(T,)`` interventions spared per 100 cases against acting on everybody.
        prevalence: Of yes, where the curve is drawn for.
        learned: Of yes among the labelled cases.
        verdict: In words.
    """

    thresholds: Array
    model: Array
    everybody: Array
    reference: Array | None
    gain: Array
    low: Array
    high: Array
    reference_gain: Array | None
    reference_low: Array | None
    reference_high: Array | None
    avoided: Array
    prevalence: float
    learned: float
    verdict: str


def benefit(material: Material, *, act_from: float, act_to: float, prevalence: float | None) -> Benefit:
    """The decision curve of the primary budget, on recalibrated probabilities.

    Args:
        material: Scores and truth.
        act_from, act_to: Range of probabilities from which on somebody would act, declared beforehand.
        prevalence: Of the place of use; None for that of the test set.
    """
    t = np.round(np.arange(act_from, act_to + STEP / 2, STEP), 4)
    subjects = material.subjects
    # Patients are drawn without regard to the answer: the prevalence is uncertain, too.
    drawn = patient_weights(
        subjects.truth[:, None], subjects.patients, replicates=min(REPLICATES, material.replicates), seed=material.seed
    )
    weights = np.concatenate([np.ones((1, len(subjects.truth)), drawn.dtype), drawn])
    learned = _learned(material, material.primary)
    place = float(subjects.truth.mean()) if prevalence is None else prevalence
    share = np.full(len(weights), prevalence) if prevalence is not None else _prevalence(subjects.truth, weights)
    everybody = treat_all(share, t)
    own = _curves(material, material.primary, t, weights, prevalence, learned)
    best = np.maximum(everybody, 0)
    gain, low, high = _band(own - best, material)
    partner = next((p for p in material.reference if p.budget == material.primary.budget), None)
    other = reference_gain = reference_low = reference_high = None
    if partner is not None:
        found = _curves(material, partner, t, weights, prevalence, _learned(material, partner))
        other = found[:, 0].mean(axis=0)
        both = own - found if len(own) == len(found) else own.mean(axis=0)[None] - found.mean(axis=0)[None]
        reference_gain, reference_low, reference_high = _band(both, material)
    mean = own[:, 0].mean(axis=0)
    return Benefit(
        t,
        mean,
        everybody[0],
        other,
        gain,
        low,
        high,
        reference_gain,
        reference_low,
        reference_high,
        interventions_avoided(mean, everybody[0], t),
        place,
        learned,
        _verdict(t, low, high),
    )


def _prevalence(truth: NDArray[np.int64], weights: NDArray[np.floating]) -> Array:
    return np.asarray(weights @ truth.astype(np.float64) / weights.sum(axis=1), dtype=np.float64)


def _learned(material: Material, point: Point) -> float:
    """Prevalence among the labelled cases of the draws; that of the test cases where they were not kept."""
    if not point.inside:
        return float(material.subjects.truth.mean())
    truths = [material.question.truth(inside.targets) for inside in point.inside]
    return float(np.clip(np.mean([truth[truth >= 0].mean() for truth in truths]), 0.001, 0.999))


def _curves(
    material: Material,
    point: Point,
    t: Array,
    weights: NDArray[np.floating],
    prevalence: float | None,
    learned: float,
) -> Array:
    """Net benefit ``(R, 1 + B, T)``, the plain one first."""
    p = material.probability(point)
    if prevalence is not None:
        p = shifted(p, learned=learned, there=prevalence)
    return np.stack([net_benefit(row, material.subjects.truth, t, weights, prevalence=prevalence) for row in p])


def _band(each: Array, material: Material) -> tuple[Array, Array, Array]:
    """Mean over draws ``(T,)`` with a band that holds at all thresholds at once (bootstrap of the largest t)."""
    plain, samples = each[:, 0], each[:, 1:].mean(axis=0)
    middle, draws = plain.mean(axis=0), len(plain)
    variance = np.nanvar(samples, axis=0, ddof=1)
    df = float(max(material.subjects.patient_count - 2, 1))
    extra = np.zeros_like(variance)
    if draws > 1:
        n, total = material.primary.patients, material.pool_patients
        extra = plain.var(axis=0, ddof=1) * (1 / draws + (n / (total - n) if n < total else 0.0))
        whole, part = float(variance.mean() + extra.mean()), float(extra.mean())
        if whole > 0:
            df = whole**2 / (float(variance.mean()) ** 2 / df + part**2 / (draws - 1))
    error = np.sqrt(variance + extra)
    used = variance > ROUNDING**2
    if not used.any():
        return middle, middle, middle
    largest = np.abs((samples - samples.mean(axis=0))[:, used] / np.sqrt(variance[used])).max(axis=1)
    factor = float(np.quantile(largest, 0.95)) * float(student.ppf(0.975, df)) / 1.959963984540054
    return middle, middle - factor * error, middle + factor * error


def _verdict(t: Array, low: Array, high: Array) -> str:
    better, worse = _ranges(t, low > ROUNDING), _ranges(t, high < -ROUNDING)
    span = f"{t[0]:g} to {t[-1]:g}"
    if better and not worse:
        return f"Acting on the model does more good than acting on everybody or nobody for thresholds of {better}."
    if better or worse:
        parts = [f"more good for thresholds of {better}"] if better else []
        parts += [f"harm for thresholds of {worse}"] if worse else []
        return f"Compared with acting on everybody or nobody, acting on the model does {' and '.join(parts)}."
    return (
        f"For thresholds of {span} it is not shown that acting on the model does more good than acting on everybody or "
        "nobody."
    )


def _ranges(t: Array, mask: NDArray[np.bool_]) -> str:
    """Runs of thresholds in words."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    runs = [(t[a], t[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return ", ".join(f"{a:.2f} to {b:.2f}" if b > a else f"{a:.2f}" for a, b in runs)
