"""What the study's statistics promise, held against simulated studies whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from workbench.evaluation.auc import influence
from workbench.study.contrasts import Contrast, area_weights, contrast, curve_interval, simultaneous_factor
from workbench.study.covariance import covariance
from workbench.study.curves import Cell, Curves
from workbench.study.labels_saved import ratios, replicates

BUDGETS = (10, 25, 50, 100, 250)
POOL = 4000  # patients; large, so that the finite pool adds next to nothing


def skill(n: NDArray[np.float64]) -> NDArray[np.float64]:
    """True AUC at n labels: a power law from 0.66 (n = 10) towards 0.88."""
    return 0.88 - 0.7 * np.asarray(n, dtype=float) ** -0.5


def simulate(
    seed: int,
    *,
    patients: int = 100,
    draws: int = 10,
    factors: tuple[float, ...] = (1.0, 1.0),
    alike: float = 0.6,
    images: int = 1,
) -> Curves:
    """Curves of several arms on one test set, binormal scores; an arm of factor f is as good at n as another at f * n.

    Args:
        seed: Of the study.
        patients: Test patients, 40 % positive.
        draws: Per budget, shared by the arms.
        factors: One per arm.
        alike: Correlation of two scores of one patient, between arms; half of the rest is an arm's own view of the
            patient, the same at every budget and draw.
        images: Per patient, nearly alike.
    """
    random = np.random.default_rng(seed)
    label = np.arange(patients) < 0.4 * patients
    member = np.repeat(np.arange(patients), images)
    shared = np.sqrt(alike) * random.standard_normal(patients)
    luck = 0.1 * random.standard_normal(draws)
    cells = []
    side = np.empty(0)
    for number, factor in enumerate(factors):
        view = np.sqrt(0.5 * (1 - alike)) * random.standard_normal(patients)
        for budget in BUDGETS:
            gap = np.sqrt(2) * ndtri(skill(np.array(budget * factor)))
            own = view + np.sqrt(0.3 * (1 - alike)) * random.standard_normal((draws, patients))
            score = gap * label + shared + own + (luck + 0.1 * random.standard_normal(draws))[:, None] * label
            noise = np.sqrt(0.2 * (1 - alike)) * random.standard_normal((draws, len(member)))
            found = influence(score[:, member] + noise, label[member].astype(int), member)
            side = found.side
            cells.append(
                Cell(f"arm {number}", "probe", str(budget), budget, budget, np.arange(draws), found.auc,
                     found.values.mean(axis=0))
            )  # fmt: skip
    fewest = int(label.sum())
    return Curves(cells, side, POOL, (fewest, patients))


def area(curves: Curves, level: int = 2) -> Contrast:
    """Area of arm 1 minus that of arm 0."""
    weights = np.concatenate([-area_weights(BUDGETS), area_weights(BUDGETS)])
    return contrast(curves.theta, covariance(curves), weights, level=level)


@pytest.mark.parametrize(("patients", "draws"), [(60, 3), (300, 3)])
def test_two_equal_arms_are_rarely_told_apart(patients: int, draws: int) -> None:
    studies = 200
    intervals = [area(simulate(seed, patients=patients, draws=draws), 1).interval() for seed in range(studies)]
    helps = np.mean([low > 0 for low, _ in intervals])
    hurts = np.mean([high < 0 for _, high in intervals])
    allowed = 0.025 + 3 * np.sqrt(0.025 * 0.975 / studies)
    assert helps <= allowed and hurts <= allowed


def test_an_interval_over_draws_alone_would_mislead() -> None:
    wrong = 0
    for seed in range(100):
        curves = simulate(seed, patients=60, draws=20)
        auc = np.stack([cell.auc for cell in curves.cells])
        paired = area_weights(BUDGETS) @ (auc[len(BUDGETS) :] - auc[: len(BUDGETS)])
        wrong += abs(paired.mean()) > 2 * paired.std(ddof=1) / np.sqrt(len(paired))
    assert wrong / 100 > 0.25


def test_a_true_factor_of_three_lies_in_its_interval() -> None:
    """S3: each budget's interval covers the truth; where the reference never gets there it is open above."""
    studies, covered, open_above = 80, np.zeros(len(BUDGETS)), 0
    half = len(BUDGETS)
    for seed in range(studies):
        curves = simulate(seed, patients=300, draws=10, factors=(1.0, 3.0))
        parts = covariance(curves)
        samples = replicates(curves.theta, parts.this_pool, 60.0, count=500, seed=seed)
        scale = 1 / np.diag(parts.this_pool)
        found = ratios(
            (BUDGETS, BUDGETS), curves.theta[half:], curves.theta[:half], samples[:, half:], samples[:, :half],
            (scale[half:], scale[:half]),
        )  # fmt: skip
        covered += [ratio.low <= 3 <= ratio.high for ratio in found]
        open_above += bool(np.isinf(found[-1].high) and str(found[-1]).startswith(">"))
    assert (covered / studies >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies)).all(), covered / studies
    assert open_above / studies > 0.95


def test_several_images_of_a_patient_are_not_several_patients() -> None:
    """S8: clustered intervals cover, intervals that take images for patients do not."""
    truth = skill(np.array(100))
    clustered = naive = 0
    studies = 200
    for seed in range(studies):
        random = np.random.default_rng(seed)
        label = np.arange(80) < 40
        member = np.repeat(np.arange(80), 4)
        person = np.sqrt(0.7) * random.standard_normal(80)
        score = np.sqrt(2) * ndtri(truth) * label[member] + person[member] + np.sqrt(0.3) * random.standard_normal(320)
        for groups in (member, np.arange(320)):
            found = influence(score, label[member].astype(int), groups)
            sides = found.covariance()[0, 0]
            count = len(found.groups)
            low, high = curve_interval(float(found.auc), float(np.sqrt(sides)), count - 2, (count // 2, count))
            if groups is member:
                clustered += low <= truth <= high
            else:
                naive += low <= truth <= high
    assert clustered / studies >= 0.90
    assert naive / studies < 0.85


def test_an_arm_that_is_the_reference_differs_by_nothing() -> None:
    """S5."""
    curves = simulate(3, patients=80, draws=5, factors=(1.0,))
    twin = [Cell("twin", c.protocol, c.budget, c.n, c.patients, c.draws, c.auc, c.influence) for c in curves.cells]
    both = Curves([*curves.cells, *twin], curves.side, curves.pool_patients, curves.test_patients)
    found = area(both)
    assert (found.estimate, found.se, found.p) == (0, 0, 1)
    parts = covariance(both)
    samples = replicates(both.theta, parts.new_pool, 20.0, count=200)
    half = len(BUDGETS)
    weights = 1 / np.diag(parts.new_pool)
    same = ratios(
        (BUDGETS, BUDGETS), both.theta[half:], both.theta[:half], samples[:, half:], samples[:, :half],
        (weights[half:], weights[:half]),
    )  # fmt: skip
    for ratio in same[:-1]:
        assert ratio.low_point == pytest.approx(1)


def test_a_ceiling_gives_no_p_value_below_one() -> None:
    """S18: both arms perfect on every draw."""
    label = np.arange(60) < 30
    found = influence(np.tile(label.astype(float), (3, 1)), label.astype(int), np.arange(60))
    cells = [
        Cell(arm, "probe", str(n), n, n, np.arange(3), found.auc, found.values.mean(axis=0))
        for arm in ("arm 0", "arm 1")
        for n in BUDGETS
    ]
    result = area(Curves(cells, found.side, 300, (30, 60)))
    assert (result.estimate, result.se, result.p) == (0, 0, 1)


def test_only_the_order_of_scores_matters() -> None:
    """S19."""
    random = np.random.default_rng(0)
    score, label = random.standard_normal((4, 90)), (random.random(90) < 0.4).astype(int)
    groups = np.repeat(np.arange(45), 2)
    plain, bent = influence(score, label, groups), influence(np.exp(3 * score), label, groups)
    np.testing.assert_allclose(plain.auc, bent.auc, rtol=0, atol=1e-12)
    np.testing.assert_allclose(plain.covariance(), bent.covariance(), rtol=0, atol=1e-12)


def test_a_new_pool_adds_what_its_draws_cannot_show() -> None:
    """The pool's part is s^2 n / (N - n) on the diagonal, exactly, and shrinks as the pool grows."""
    curves = simulate(1, draws=20)
    small = Curves(curves.cells, curves.side, 300, curves.test_patients)
    for held, total in ((curves, POOL), (small, 300)):
        parts = covariance(held)
        wanted = [cell.spread**2 * cell.patients / (total - cell.patients) for cell in held.cells]
        assert (np.diag(parts.pool) >= np.array(wanted) * (1 - 1e-9)).all()
        np.testing.assert_allclose(np.diag(parts.new_pool) - np.diag(parts.this_pool), np.diag(parts.pool))
    assert area(small).se > area(small, 1).se
    assert area(small).se > area(curves).se


def test_bands_are_wider_than_points_and_narrower_than_bonferroni() -> None:
    """Sup-t factors for six budgets: 2.60, 2.50 and 2.30 at neighbour correlations of 0.5, 0.8 and 0.95."""
    for neighbour, wanted in ((0.5, 2.60), (0.8, 2.50), (0.95, 2.30)):
        shape = neighbour ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
        assert simultaneous_factor(shape, np.inf) == pytest.approx(wanted, abs=0.03)
