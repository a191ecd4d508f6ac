import numpy as np
import pytest

from tests.cohort.volumes.making import AXIAL, CORONAL, SAGITTAL, series, slices
from workbench.cohort.volumes import grouping

Z = np.arange(5.0)


def groups(frames):
    found = grouping.groups(frames, np.arange(len(frames)), grouping.kinds(frames))
    return [(len(group.places), group.kind, group.split_by) for group in found]


@pytest.mark.parametrize(
    ("image_type", "tokens", "kind"),
    [
        ("ORIGINAL\\PRIMARY\\AXIAL", "", ""),
        ("ORIGINAL\\PRIMARY\\LOCALIZER", "", "localizer"),
        ("ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC", "", "mosaic"),
        ("DERIVED\\SECONDARY", "", "derived"),
        ("DERIVED\\SECONDARY\\MPR", "", "reformat"),
        ("DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE", "", "reformat"),
        ("DERIVED\\SECONDARY\\PROJECTION IMAGE", "", "projection"),
        ("DERIVED\\PRIMARY", "mip", "projection"),
        ("DERIVED\\PRIMARY", "mpr", "reformat"),
        ("ORIGINAL\\PRIMARY", "mip", ""),
        ("", "", ""),
    ],
)
def test_kinds(image_type, tokens, kind):
    assert grouping.kinds(series(slices([0.0], image_type=image_type, tokens=tokens))).tolist() == [kind]


@pytest.mark.parametrize(
    ("fact", "other", "key"),
    [
        ("frame_of_reference", "second", "FrameOfReferenceUID"),
        ("frame_of_reference", "", "FrameOfReferenceUID"),
        ("rows", 32, "Rows+Columns"),
        ("columns", 8, "Rows+Columns"),
        ("image_type", "DERIVED\\PRIMARY\\AXIAL", "ImageType"),
        ("spacing_row_mm", 0.501, "PixelSpacing"),
    ],
)
def test_what_slices_of_one_stack_share(fact, other, key):
    found = groups(series(slices(Z), slices(Z + 10, **{fact: other})))
    assert sorted(size for size, _, _ in found) == [5, 5] and {split for _, _, split in found} == {(key,)}


def test_almost_equal_spacing_is_equal():
    assert groups(series(slices(Z), slices(Z + 10, spacing_row_mm=0.5004))) == [(10, "", ())]


def turned(degrees: float) -> tuple[float, ...]:
    angle = np.radians(degrees)
    return (np.cos(angle), np.sin(angle), 0.0, -np.sin(angle), np.cos(angle), 0.0)


@pytest.mark.parametrize(("degrees", "number"), [(0.0, 1), (0.49, 1), (0.51, 2), (90.0, 2)])
def test_directions_within_half_a_degree_are_the_same(degrees, number):
    frames = series(slices(Z), slices(Z + 10, orientation=turned(degrees)))
    assert len(set(grouping.directions(frames.orientations).tolist())) == number


def test_directions_do_not_depend_on_the_order():
    """A chain of directions 0.3° apart: the most frequent ones are the centres, whatever comes first."""
    parts = [slices(Z[:size], orientation=turned(0.3 * n)) for n, size in enumerate((2, 5, 3, 4))]
    found = []
    for seed in range(5):
        frames = series(*parts, seed=seed)
        numbers = grouping.directions(frames.orientations)
        found.append({tuple(row): number for row, number in zip(frames.orientations.round(6), numbers, strict=True)})
    assert all(one == found[0] for one in found) and len(set(found[0].values())) == 2


def test_planning_pictures_by_their_description():
    three = [slices(Z[:2], orientation, tokens="scout") for orientation in (AXIAL, SAGITTAL, CORONAL)]
    assert grouping.are_planning(series(*three))
    assert not grouping.are_planning(series(slices(Z, tokens="mip")))
    assert not grouping.are_planning(series(slices(np.arange(6.0), tokens="scout")))
    four = [*three, slices(Z[:1], turned(45), tokens="scout")]
    assert not grouping.are_planning(series(*four))


def test_directions_that_are_no_directions():
    frames = series(
        slices([0.0]),
        slices([0.0], (1, 0, 0, 0.002, 1, 0)),
        slices([0.0], (1.02, 0, 0, 0, 1, 0)),
        slices([0.0], (0, 0, 0, 0, 0, 0)),
        seed=1,
    )
    right = grouping.are_right_angled(frames)
    assert right.sum() == 1 and tuple(frames.orientations[right][0]) == AXIAL


def test_what_is_not_stated_places_nothing():
    plain = slices(Z)
    for place, name in enumerate(("x_mm", "column_z", "spacing_row_mm")):
        plain[place] = {key: value for key, value in plain[place].items() if key != name}
    assert grouping.are_placed(series(plain)).sum() == 2
