from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.study.covariance import covariance, nearest_psd
from workbench.study.curves import Cell, Curves

AUC = np.array([0.70, 0.74, 0.78, 0.72])


def cell(arm: str, budget: str, n: float, auc: np.ndarray, influence: list[float] | None = None) -> Cell:
    found = np.array(influence or [0.01, -0.01, 0.02, -0.02])
    return Cell(arm, "probe", budget, n, n, np.arange(len(auc)), auc, found)


def study(*cells: Cell, pool: int = 100, side: tuple[int, ...] = (1, 1, 0, 0)) -> Curves:
    return Curves(list(cells), np.array(side), pool, (2, 4))


def test_the_three_parts_of_one_cell() -> None:
    parts = covariance(study(cell("a", "20", 20, AUC)))
    assert [(float(part[0, 0]), df) for part, df in parts.test] == [
        (pytest.approx(2 * (0.01**2 + 0.01**2)), 1),
        (pytest.approx(2 * (0.02**2 + 0.02**2)), 1),
    ]
    assert parts.draw[0, 0] == pytest.approx(AUC.var(ddof=1) / 4)
    assert parts.pool[0, 0] == pytest.approx(AUC.var(ddof=1) * 20 / 80)
    assert parts.new_pool[0, 0] == pytest.approx(parts.this_pool[0, 0] + parts.pool[0, 0])


def test_patients_with_both_classes_are_one_stratum() -> None:
    parts = covariance(study(cell("a", "20", 20, AUC), side=(1, -1, 0, 0)))
    assert len(parts.test) == 1
    assert parts.test[0][1] == 3
    assert parts.test[0][0][0, 0] == pytest.approx(4 / 3 * (2 * 0.01**2 + 2 * 0.02**2))


def test_shared_draws_are_kept_as_covariance() -> None:
    other = AUC[[1, 0, 3, 2]] + 0.05
    parts = covariance(study(cell("a", "20", 20, AUC), cell("b", "20", 20, other)))
    assert parts.draw[0, 1] == pytest.approx(np.cov(AUC, other)[0, 1] / 4, abs=1e-9)
    fewer = covariance(study(cell("a", "20", 20, AUC), cell("b", "20", 20, other[:3])))
    assert fewer.draw[0, 1] == pytest.approx(np.cov(AUC[:3], other[:3])[0, 1] * 3 / (4 * 3), rel=0.05)


def test_the_whole_pool_borrows_from_the_largest_budget_below_it() -> None:
    """Its variance, and how alike it is with others, are those of the cell that stands in."""
    parts = covariance(
        study(
            cell("a", "20", 20, AUC), cell("a", "50", 50, AUC[::-1]), cell("a", "all", 100, AUC[:1]),
            cell("b", "50", 50, AUC[::-1]), cell("b", "all", 100, AUC[:1]),
        )
    )  # fmt: skip
    borrowed = AUC.var(ddof=1) * 50 / 50
    np.testing.assert_allclose(np.diag(parts.pool)[[1, 2, 3, 4]], borrowed)
    assert parts.draw[2, 2] == 0
    np.testing.assert_allclose(parts.pool[1, 2], borrowed)  # its own stand-in: one and the same
    np.testing.assert_allclose(parts.pool[2, 4], borrowed)  # stand-ins that go together draw by draw
    assert parts.pool[0, 2] == pytest.approx(parts.pool[0, 1])


def test_without_draws_there_is_no_pool_part() -> None:
    parts = covariance(study(cell("a", "all", 100, AUC[:1])))
    assert parts.pool[0, 0] == parts.draw[0, 0] == 0
    variance, df = parts.variance(np.ones(1))
    assert variance == pytest.approx(4 * (0.01**2 + 0.02**2))
    assert df > 1


def test_nothing_varies() -> None:
    flat = study(cell("a", "20", 20, np.full(4, 0.8), [0.0] * 4))
    assert covariance(flat).variance(np.ones(1)) == (0.0, float("inf"))


def test_nearest_psd_never_lowers_a_variance() -> None:
    broken = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    mended = nearest_psd(broken)
    assert np.linalg.eigvalsh(mended).min() > -1e-12
    assert (np.diag(mended) >= np.diag(broken)).all()
    assert nearest_psd(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_a_borrowed_spread_is_known_as_well_as_the_lenders() -> None:
    """The whole pool has one draw; its pool part rests on four of the budget below: three degrees of freedom."""
    alone = cell("a", "all", 100, AUC[:1], [0.0, 0.0, 0.0, 0.0])
    pair = [cell("b", "50", 50, AUC[:2])]  # another arm's few draws have no say
    parts = covariance(study(cell("a", "50", 50, AUC), alone, *pair))
    variance, df = parts.variance(np.array([0.0, 1.0, 0.0]))
    assert variance == pytest.approx(AUC.var(ddof=1))
    assert df == pytest.approx(3)


def test_a_test_set_on_which_nothing_can_be_ranked_is_told() -> None:
    with pytest.raises(InputError, match=r"The test set is too small.*4 test patients, 2 in the smallest class"):
        covariance(study(cell("a", "20", 20, np.array([0.7, np.nan]))))
