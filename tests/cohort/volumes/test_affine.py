"""One test per convention, on an oblique plane whose numbers are worked out by hand."""

import numpy as np
import pytest

from workbench.cohort.volumes.affine import affine_lps, lean_deg, normal, spacing_of, to_ras

ROW, COLUMN = (0.6, 0.8, 0.0), (0.0, 0.0, -1.0)
oblique = affine_lps(
    np.array(ROW + COLUMN), (2.0, 3.0), np.array([10.0, 20.0, 30.0]), np.array([-0.8 * 5, 0.6 * 5, 0.0])
)


def test_lps_takes_column_row_slice_to_the_left_the_back_and_the_head():
    assert oblique == pytest.approx(np.array([[1.8, 0, -4, 10], [2.4, 0, 3, 20], [0, -2, 0, 30], [0, 0, 0, 1]]))
    # two columns to the side, one row down, three slices on
    assert (oblique @ [2, 1, 3, 1]).tolist() == pytest.approx([10 + 3.6 - 12, 20 + 4.8 + 9, 30 - 2, 1])


def test_ras_turns_the_first_two_axes_around():
    expected = np.array([[-1.8, 0, 4, -10], [-2.4, 0, -3, -20], [0, -2, 0, 30], [0, 0, 0, 1]])
    assert to_ras(oblique) == pytest.approx(expected)


def test_spacing_is_told_in_the_order_of_the_array():
    assert spacing_of(oblique) == pytest.approx((5.0, 2.0, 3.0))


def test_the_normal_is_row_times_column():
    assert normal(np.array(ROW + COLUMN)) == pytest.approx([-0.8, 0.6, 0.0])
    assert normal(np.array([[2, 0, 0, 0, 2, 0]], float)).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("degrees", [0.0, 0.001, 13.5, 89.0])
def test_the_lean_is_exact_for_small_and_large_angles(degrees):
    angle = np.radians(degrees)
    step = 4 * np.array([0, np.sin(angle), np.cos(angle)])
    assert lean_deg(step, np.array([0, 0, 1.0])) == pytest.approx(degrees, abs=1e-9)
    assert lean_deg(-step, np.array([0, 0, 1.0])) == pytest.approx(degrees, abs=1e-9)


def test_no_step_leans_nowhere():
    assert lean_deg(np.zeros(3), np.array([0, 0, 1.0])) == 0.0
