"""How many reserved patients must be labelled before a comparison can show anything: planned before labelling starts.

The variance of one AUC follows Hanley and McNeil (Radiology 1982) with the two probabilities in it taken from the
binormal model in place of their exponential one, which is too wide where positives are few; that of the difference of
two AUCs on the same patients is ``2 var (1 - r)`` for two curves of equal quality whose AUC estimates correlate by
``r`` (Hanley & McNeil 1983). A two-sided test at 5 % finds a difference of 2.8 standard errors four times out of five.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import multivariate_normal, norm

from workbench.errors import InputError

DETECTABLE = 2.8  # 1.96 + 0.84
SIZES = (50, 100, 200, 300, 500, 1000, 2000, 3000)


@dataclass(frozen=True)
class Plan:
    """What a test set of some size can show.

    Attributes:
        patients: Labelled test patients, one answer each.
        positive: Of them expected in the rarer class.
        detectable: Smallest difference of two AUCs found four times out of five.
        half_width: Half the 95 % interval of one AUC.
    """

    patients: int
    positive: float
    detectable: float
    half_width: float

    def __str__(self) -> str:
        """In words."""
        return (
            f"With {self.patients:,} labelled test patients, a difference of {self.detectable:.3f} in AUC would be "
            f"found four times out of five; one AUC is known to within {self.half_width:.3f}."
        )


def plan(patients: int, prevalence: float, *, auc: float = 0.8, correlation: float = 0.54) -> Plan:
    """What a test set can show.

    Args:
        patients: Labelled test patients.
        prevalence: Share of the positive class, above 0 and below 1.
        auc: About what the classifiers are expected to reach.
        correlation: Of the two AUC estimates; 0.54 is what scores that correlate by 0.6 give (simulated).

    Raises:
        InputError: Fewer than two patients, or a share, AUC or correlation out of range.
    """
    if patients < 2 or not 0 < prevalence < 1 or not 0.5 <= auc < 1 or not 0 <= correlation < 1:
        raise InputError(
            "A plan needs 2 or more patients, a prevalence between 0 and 1, an AUC from 0.5, a correlation below 1.",
            where=f"patients {patients}, prevalence {prevalence}, AUC {auc}, correlation {correlation}",
        )
    positive = max(patients * prevalence, 1.0)
    negative = max(patients - positive, 1.0)
    # the same for two positives above one negative as for one positive above two negatives
    both = float(multivariate_normal.cdf([norm.ppf(auc)] * 2, cov=[[1, 0.5], [0.5, 1]]))
    variance = auc * (1 - auc) + (positive + negative - 2) * (both - auc**2)
    variance /= positive * negative
    return Plan(
        patients,
        min(positive, negative),
        DETECTABLE * float(np.sqrt(2 * variance * (1 - correlation))),
        1.96 * float(np.sqrt(variance)),
    )


def plans(available: int, prevalence: float, *, auc: float = 0.8, correlation: float = 0.54) -> list[Plan]:
    """Plans for usual sizes up to all reserved patients, who come last."""
    sizes = [size for size in SIZES if size < available] + [available]
    return [plan(size, prevalence, auc=auc, correlation=correlation) for size in sizes if size > 1]


def patients_for(difference: float, prevalence: float, *, auc: float = 0.8, correlation: float = 0.54) -> int:
    """The fewest test patients with which a difference of AUCs is found four times out of five.

    Raises:
        InputError: A difference of zero or less, or one that a million patients would not show.
    """
    low, high = 2, 1_000_000
    if difference <= 0 or plan(high, prevalence, auc=auc, correlation=correlation).detectable > difference:
        raise InputError(
            f"No test set of {high:,} patients shows a difference of {difference:g}.", todo="Ask for a larger one."
        )
    while low < high:
        middle = (low + high) // 2
        if plan(middle, prevalence, auc=auc, correlation=correlation).detectable <= difference:
            high = middle
        else:
            low = middle + 1
    return low
