"""What changes where the disease is rarer or commoner than in the labelled set.

Sensitivity, specificity and AUC are taken to stay the same (label shift); probabilities, predictive values and net
benefit do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

LEAST = 1e-7


def shifted(probabilities: ArrayLike, *, learned: float, there: float) -> NDArray[np.float64]:
    """Probabilities for a place with another prevalence: the logit moves by logit(there) - logit(learned).

    Args:
        probabilities: Of the positive answer, any shape.
        learned: Prevalence where they were learned.
        there: Prevalence where they are used.
    """
    p = np.clip(np.asarray(probabilities, dtype=np.float64), LEAST, 1 - LEAST)
    return expit(logit(p) + logit(there) - logit(learned))


def predictive_values(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: float) -> tuple[Any, Any]:
    """Positive and negative predictive value by Bayes' rule; nan where nothing is called so."""
    se, sp = np.asarray(sensitivity, dtype=np.float64), np.asarray(specificity, dtype=np.float64)
    yes = prevalence * se + (1 - prevalence) * (1 - sp)
    no = (1 - prevalence) * sp + prevalence * (1 - se)
    positive = np.divide(prevalence * se, yes, out=np.full_like(yes, np.nan), where=yes > 0)
    negative = np.divide((1 - prevalence) * sp, no, out=np.full_like(no, np.nan), where=no > 0)
    return positive, negative
