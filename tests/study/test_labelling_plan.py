"""Plans for the test set, against published figures and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation.auc import influence
from workbench.study.labelling_plan import patients_for, plan, plans


@pytest.mark.parametrize(
    ("patients", "prevalence", "about"),
    [(100, 0.3, 0.128), (300, 0.3, 0.074), (1000, 0.3, 0.041), (3000, 0.3, 0.024), (1000, 0.05, 0.085)],
)
def test_detectable_differences_agree_with_simulated_ones(patients: int, prevalence: float, about: float) -> None:
    assert plan(patients, prevalence).detectable == pytest.approx(about, rel=0.08)


def test_interval_of_one_auc_agrees_with_simulation() -> None:
    rng = np.random.default_rng(0)
    target = np.arange(300) < 90
    scores = rng.standard_normal((400, 300)) + 1.19 * target  # AUC 0.8
    spread = influence(scores, target.astype(int), np.arange(300)).auc.std()
    assert plan(300, 0.3).half_width == pytest.approx(1.96 * spread, rel=0.1)


def test_scores_that_correlate_by_06_give_the_correlation_assumed() -> None:
    rng = np.random.default_rng(1)
    target = np.arange(300) < 90
    shared = rng.standard_normal((500, 300))
    pair = [np.sqrt(0.6) * shared + np.sqrt(0.4) * rng.standard_normal((500, 300)) + 1.19 * target for _ in range(2)]
    auc = [influence(scores, target.astype(int), np.arange(300)).auc for scores in pair]
    spread = float(np.std(auc[0] - auc[1]))
    assert plan(300, 0.3).detectable == pytest.approx(2.8 * spread, rel=0.1)


def test_more_patients_show_less_and_all_reserved_come_last() -> None:
    found = plans(759, 0.27)
    assert [each.patients for each in found] == [50, 100, 200, 300, 500, 759]
    assert all(a.detectable > b.detectable for a, b in zip(found, found[1:], strict=False))
    assert str(found[0]).startswith("With 50 labelled test patients, a difference of 0.")
    assert found[1].positive == pytest.approx(27)


def test_patients_for_a_difference_is_the_fewest() -> None:
    needed = patients_for(0.05, 0.3)
    assert plan(needed, 0.3).detectable <= 0.05 < plan(needed - 1, 0.3).detectable
    assert 600 < needed < 720


def test_what_makes_no_sense() -> None:
    with pytest.raises(InputError, match="A plan needs 2 or more patients"):
        plan(1, 0.3)
    with pytest.raises(InputError, match="A plan needs"):
        plan(100, 0.0)
    with pytest.raises(InputError, match="No test set of 1,000,000 patients"):
        patients_for(0.0001, 0.3)
    with pytest.raises(InputError, match="No test set"):
        patients_for(0, 0.3)
