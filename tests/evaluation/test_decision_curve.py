"""Net benefit."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.decision_curve import interventions_avoided, net_benefit, treat_all
from workbench.evaluation.prevalence import shifted

P = np.array([0.9, 0.6, 0.4, 0.2, 0.1])
Y = np.array([1, 0, 1, 0, 0])


def test_by_hand() -> None:
    """At 0.5: one true and one false positive of five: 1/5 - 1/5 * 1. At 0.25: 2/5 - 1/5 * 1/3."""
    np.testing.assert_allclose(net_benefit(P, Y, [0.5, 0.25]), [[0.0, 2 / 5 - 1 / 15]], atol=1e-12)
    np.testing.assert_allclose(treat_all(0.4, [0.5, 0.25]), [-0.2, 0.4 - 0.6 / 3])
    avoided = interventions_avoided(net_benefit(P, Y, [0.25])[0], treat_all(0.4, [0.25]), [0.25])
    assert avoided[0] == pytest.approx(40)  # two of the three healthy are spared, none of the sick is missed


def test_acting_on_everybody_is_the_model_that_says_yes() -> None:
    t = np.linspace(0.05, 0.5, 10)
    np.testing.assert_allclose(net_benefit(np.ones(5), Y, t)[0], treat_all(Y.mean(), t))


def test_weights_count_cases_several_times() -> None:
    weights = np.array([[2.0, 1, 0, 1, 3]])
    again = np.repeat(np.arange(5), weights[0].astype(int))
    np.testing.assert_allclose(net_benefit(P, Y, [0.3], weights), net_benefit(P[again], Y[again], [0.3]))


def test_another_prevalence_is_a_test_set_of_that_prevalence() -> None:
    """Weighing positives down by half gives the net benefit that the smaller prevalence gives."""
    there = 1 / (1 + 3)
    weights = np.where(Y == 1, 0.5, 1.0)[None]
    q = shifted(P, learned=0.4, there=there)
    np.testing.assert_allclose(net_benefit(q, Y, [0.2, 0.4], prevalence=there), net_benefit(q, Y, [0.2, 0.4], weights))
