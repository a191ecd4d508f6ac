"""A picture that is a plane in world coordinates stays that plane, wherever its grid goes: values and affine agree."""

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.store.volumes import lattice

OBLIQUE = np.array(
    [
        [0.7 * 0.8, -0.5 * 0.6, 0.0, -11.0],
        [0.7 * 0.6, 0.5 * 0.8, 0.0, 4.0],
        [0.0, 0.0, 2.0, 30.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
SLOPES = np.array([2.0, -3.0, 1.5])


def world(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """LPS mm of every voxel, ``(slices, rows, columns, 3)``."""
    slices, rows, columns = np.indices(shape)
    index = np.stack([columns, rows, slices, np.ones(shape)], axis=-1)
    return (index @ affine.T)[..., :3]


def plane(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    return (world(shape, affine) @ SLOPES).astype(np.float32)


def assert_still_the_plane(
    values: np.ndarray, affine: np.ndarray, *, border: tuple[int, int, int], within: float = 2e-3
) -> None:
    inside = tuple(slice(width, length - width) for width, length in zip(border, values.shape, strict=True))
    assert values[inside].size
    assert values[inside] == pytest.approx(plane(values.shape, affine)[inside], abs=within)


@pytest.mark.parametrize(
    ("spacing", "within"),
    [
        ((2.0, 0.5, 0.7), 2e-3),
        ((1.0, 0.25, 0.7), 2e-3),
        ((4.0, 1.0, 1.4), 2e-3),
        ((1.3, 0.45, 0.6), 2e-3),
        ((5.0, 0.8, 1.1), 0.7),  # means of parts of voxels: an eighth of a step per direction at most
    ],
)
def test_another_spacing(spacing, within):
    values, affine = lattice.with_spacing(plane((12, 20, 24), OBLIQUE), OBLIQUE, spacing)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    assert lengths[::-1] == pytest.approx(spacing)
    extent = np.array([12 * 2.0, 20 * 0.5, 24 * 0.7])
    assert np.abs(np.array(values.shape) * spacing - extent).max() <= max(spacing) / 2 + 1e-9
    assert_still_the_plane(values, affine, border=(1, 2, 2), within=within)


def test_the_same_spacing_changes_nothing():
    before = plane((3, 4, 5), OBLIQUE)
    values, affine = lattice.with_spacing(before, OBLIQUE, (2.0, 0.5, 0.7))
    assert values is before and (affine == OBLIQUE).all()


def test_halving_the_resolution_takes_means():
    values = np.arange(8, dtype=np.float32).reshape(8, 1, 1)
    coarse = lattice.along(values, 0, lattice.step_weights(8, 2.0))
    assert coarse.ravel().tolist() == [0.5, 2.5, 4.5, 6.5]
    assert lattice.along(values, 0, lattice.step_weights(8, 16.0)).ravel().tolist() == [3.5]


@given(st.integers(1, 40), st.floats(0.1, 12))
def test_weights_are_shares_of_the_whole(length, step):
    matrix = lattice.step_weights(length, step)
    assert matrix.shape[1] == length and matrix.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert matrix.min() >= 0


def test_a_hole_is_filled_by_interpolation():
    full = plane((9, 4, 5), OBLIQUE)
    there = [0, 1, 2, 5, 6, 7, 8]
    affine = OBLIQUE.copy()
    affine[:3, 2] *= 8 / 6  # from the first to the last in six equal steps
    values, found = lattice.evened(full[there], affine, 2.0 * np.array(there))
    assert values.shape == full.shape and found == pytest.approx(OBLIQUE)
    assert values == pytest.approx(full, abs=1e-3)


def test_changing_spacing_becomes_the_finer_one():
    offsets = np.r_[np.arange(5) * 1.0, 4 + 2 * np.arange(1, 6)]
    affine = OBLIQUE.copy()
    affine[:3, 2] = [0, 0, 14 / 9]
    places = OBLIQUE.copy()
    places[:3, 2] = [0, 0, 1.0]
    fine = plane((15, 3, 3), places)
    values, found = lattice.evened(fine[offsets.astype(int)], affine, offsets)
    assert values.shape == (15, 3, 3) and found == pytest.approx(places)
    assert values == pytest.approx(fine, abs=1e-3)


@pytest.mark.parametrize(("down", "across"), [(0.24, 0.0), (-0.24, 0.0), (0.1, -0.3), (0.0, 2.5)])
def test_a_leaning_stack_is_set_upright(down, across):
    leaning = OBLIQUE.copy()
    leaning[:3, 2] += down * OBLIQUE[:3, 1] + across * OBLIQUE[:3, 0]
    before = plane((6, 16, 18), leaning)
    values, affine = lattice.upright(before, leaning, fill=-9999.0)
    assert affine[:3, :3] == pytest.approx(OBLIQUE[:3, :3])  # the same slices, and the step along their normal
    assert values.shape == (6, 16 + int(np.ceil(5 * abs(down) - 1e-9)), 18 + int(np.ceil(5 * abs(across) - 1e-9)))
    measured = values > before.min() - 1  # voxels that no canvas was mixed into
    assert measured.sum() >= 6 * 15 * 17
    assert values[measured] == pytest.approx(plane(values.shape, affine)[measured], abs=5e-3)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_axes_run_to_the_head_the_back_and_the_left(axes, flips):
    turned = np.eye(4)
    turned[:3, :3] = OBLIQUE[:3, :3][:, list(axes)] * np.array([-1 if n in flips else 1 for n in range(3)])
    turned[:3, 3] = [5, 6, 7]
    before = plane((4, 5, 6), turned)
    values, affine = lattice.turned_to_lps(before, turned)
    assert values == pytest.approx(plane(values.shape, affine), abs=1e-3)
    ras = np.diag([-1, -1, 1, 1]) @ affine
    assert nibabel.aff2axcodes(ras) == ("L", "P", "S")
    assert sorted(values.ravel().tolist()) == sorted(before.ravel().tolist())
