"""The rule on tables. The same awkward series as DICOM files are in ``test_tables.py``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cohort.volumes.making import AXIAL, CORONAL, NAMES, SAGITTAL, series, slices
from workbench.cohort.volumes.affine import spacing_of
from workbench.cohort.volumes.frames import Frames
from workbench.cohort.volumes.stacks import Stack, find_stacks
from workbench.cohort.volumes.statuses import Status

Z = np.arange(8.0)
OBLIQUE = (0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


def only(frames: Frames) -> Stack:
    (found,) = find_stacks(frames)
    return found


def test_slices_are_ordered_along_the_normal_and_the_affine_tells_where_they_lie():
    frames = series(slices(Z * 1.5 + 10, OBLIQUE, spacing_row_mm=0.25))
    stack = only(frames)
    assert stack.status is Status.REGULAR and stack.sentence == "8 slices, 1.50 mm apart: a regular volume."
    (volume,) = stack.volumes
    normal = np.array([-0.8, 0.6, 0.0])
    assert (frames.positions @ normal)[volume.places] == pytest.approx(Z * 1.5 + 10)
    affine = volume.geometry.affine_lps
    assert affine[:3, 2] == pytest.approx(1.5 * normal) and affine[:3, 3] == pytest.approx(10 * normal)
    assert spacing_of(affine) == pytest.approx((1.5, 0.25, 0.5)) and np.linalg.det(affine) > 0
    for number, place in enumerate(volume.places):
        assert affine @ [0, 0, number, 1] == pytest.approx([*frames.positions[place], 1])


def test_a_tilted_gantry_leans_and_is_no_volume():
    tilted = slices(Z * 2)
    for number, row in enumerate(tilted):
        row["y_mm"] += number * 2 * np.tan(np.radians(13.5))
    stack = only(series(tilted))
    assert stack.status is Status.TILTED and stack.volumes == ()
    assert stack.geometry is not None and stack.geometry.tilt_deg == pytest.approx(13.5)
    assert "leans by 13.5° (gantry tilt)" in stack.sentence


@pytest.mark.parametrize(("degrees", "status"), [(0.49, Status.REGULAR), (0.51, Status.TILTED)])
def test_half_a_degree_is_no_tilt(degrees, status):
    tilted = slices(Z)
    for number, row in enumerate(tilted):
        row["x_mm"] += number * np.tan(np.radians(degrees))
    assert only(series(tilted)).status is status


def test_a_slice_beside_the_line():
    rows = slices(Z)
    rows[3]["x_mm"] += 0.2
    stack = only(series(rows))
    assert stack.status is Status.IRREGULAR
    assert stack.sentence == "8 slices, shifted against each other: used one by one, not as a volume."


def test_a_hole_makes_two_volumes():
    stack = only(series(slices(np.delete(np.arange(12.0), 5))))
    assert stack.status is Status.MISSING and [len(volume.places) for volume in stack.volumes] == [5, 6]
    assert stack.sentence == "1 slice of an even stack is missing; 11 slices are there, made into 2 volumes."
    assert [(volume.split_by, volume.split_value) for volume in stack.volumes] == [
        ("gap", "run 1 of 2"),
        ("gap", "run 2 of 2"),
    ]


def test_runs_of_fewer_than_four_slices_are_no_volumes():
    stack = only(series(slices(np.delete(np.arange(9.0), [3, 4]))))
    assert [len(volume.places) for volume in stack.volumes] == [4] and stack.status is Status.MISSING


def test_tilted_runs_are_no_volumes():
    rows = slices(np.delete(np.arange(12.0), 5))
    for row in rows:
        row["y_mm"] += 0.2 * row["z_mm"]
    stack = only(series(rows))
    assert stack.volumes == () and "used one by one" in stack.sentence


def test_two_spacings_are_two_volumes():
    stack = only(series(slices(np.r_[np.arange(10) * 2.5, 22.5 + 5 * np.arange(1, 8)])))
    assert stack.status is Status.PIECEWISE and [len(volume.places) for volume in stack.volumes] == [10, 7]
    assert stack.sentence == (
        "The spacing changes within the stack (10 slices 2.50 mm apart, then 7 slices 5.00 mm apart): "
        "made into 2 volumes."
    )


def test_an_odd_gap_parts_a_stack():
    stack = only(series(slices(np.r_[Z, 7 + 3.4 + Z])))
    assert stack.sentence == "Odd gaps part the stack into runs of 8 and 8 slices, 1.00 mm apart: made into 2 volumes."


def test_what_splits_is_said_of_stack_and_volume():
    found = find_stacks(series(slices(Z, echo_time_ms=1.0), slices(np.delete(np.arange(12.0), 5), echo_time_ms=2.0)))
    assert [(stack.status, stack.split_value) for stack in found] == [
        (Status.REGULAR, "EchoTime=1"),
        (Status.MISSING, "EchoTime=2"),
    ]
    assert found[1].volumes[0].split_by == "EchoTime+gap"
    assert found[1].volumes[0].split_value == "EchoTime=2, run 1 of 2"


def test_interleaved_stacks_are_taken_apart():
    found = find_stacks(series(slices(Z, kernel="soft"), slices(Z + 0.37, kernel="sharp")))
    assert [stack.split_value for stack in found] == ["ConvolutionKernel=sharp", "ConvolutionKernel=soft"]
    assert {stack.status for stack in found} == {Status.REGULAR}


def test_directions_are_stacks_of_their_own():
    found = find_stacks(series(slices(Z), slices(Z, SAGITTAL), slices(Z[:2], CORONAL)))
    assert sorted((len(stack.places), stack.status.value, stack.split_by) for stack in found) == [
        (2, "short_stack", "ImageOrientationPatient"),
        (8, "regular", "ImageOrientationPatient"),
        (8, "regular", "ImageOrientationPatient"),
    ]


def test_few_slices_in_many_directions_are_one_row():
    stack = only(series(*(slices([0.0], orientation) for orientation in (AXIAL, SAGITTAL, CORONAL))))
    assert stack.status is Status.MIXED and len(stack.places) == 3
    assert stack.sentence == ("3 slices in 3 directions, as planning pictures are: used one by one, not as a volume.")


def test_planning_pictures_are_set_aside():
    planning = slices(Z, SAGITTAL, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")
    statuses = {stack.status: len(stack.places) for stack in find_stacks(series(planning, slices(Z)))}
    assert statuses == {Status.LOCALIZER: 8, Status.REGULAR: 8}


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"x_mm": None}, Status.NO_GEOMETRY),
        ({"spacing_column_mm": None}, Status.NO_GEOMETRY),
        ({"column_x": 0.5}, Status.BAD_ORIENTATION),
        ({"samples": 3}, Status.COLOUR),
        ({"image_type": "ORIGINAL\\PRIMARY\\MOSAIC"}, Status.MOSAIC),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, Status.LOCALIZER),
    ],
)
@pytest.mark.parametrize("number", [1, 6])
def test_what_can_be_no_stack(facts, status, number):
    stack = only(series(slices(Z[:number], **facts)))
    assert (stack.status, len(stack.places), stack.volumes) == (status, number, ())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_fewer_than_four_slices(number):
    assert only(series(slices(Z[:number]))).status is Status.SHORT


def test_frames_at_one_place_and_nothing_that_tells_them_apart():
    stack = only(series(slices(Z), slices(Z, pixel_hash=[f"other {n}" for n in range(8)])))
    assert stack.status is Status.AMBIGUOUS and stack.volumes == ()
    assert stack.sentence == "Up to 2 pictures at the same place and nothing that tells them apart: kept aside."


def test_pictures_at_a_few_places_need_not_be_told_apart():
    beats = slices(np.zeros(30), pixel_hash=[f"{n}" for n in range(30)])
    stack = only(series(beats))
    assert (stack.status, len(stack.places)) == (Status.SHORT, 30)
    assert stack.sentence == "30 pictures at 1 place: too few places for a volume, used one by one."


def test_repeats_are_counted_apart():
    stack = only(series(slices(Z), slices(Z)[:3]))
    assert len(stack.places) == 8 and len(stack.repeats) == 3 and stack.status is Status.REGULAR


FACTS = st.fixed_dictionaries(
    {
        "z": st.sampled_from([0.0, 1.0, 2.0, 3.0, 3.02, 4.5, 5.0, 6.0, 1e6]),
        "orientation": st.sampled_from([AXIAL, SAGITTAL, OBLIQUE, (1, 0, 0, 0, 0.9, 0), (0,) * 6]),
        "echo_time_ms": st.sampled_from([None, 1.0, 2.0]),
        "acquisition_s": st.sampled_from([None, 0.0, 1.0, 86399.0]),
        "image_type": st.sampled_from(["", "ORIGINAL\\PRIMARY\\LOCALIZER", "DERIVED\\SECONDARY\\MPR"]),
        "tokens": st.sampled_from(["", "scout", "mip"]),
        "samples": st.sampled_from([1, 1, 1, 3]),
        "spacing_row_mm": st.sampled_from([0.5, 0.5002, 1.0, None]),
        "pixel_hash": st.sampled_from(["a", "b", "c", None]),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_every_frame_ends_in_exactly_one_stack_whatever_the_order(facts, random):
    rows = [
        slices([fact["z"]], fact["orientation"], **{k: v for k, v in fact.items() if k not in ("z", "orientation")})[0]
        for fact in facts
    ]
    for number, row in enumerate(rows):
        row["stack"] = ""
        row["name"] = number
    results = []
    for _ in range(2):
        frames = Frames.of(NAMES, [[row.get(name) for name in NAMES] for row in rows])
        stacks = find_stacks(frames)
        places = np.concatenate([np.concatenate([stack.places, stack.repeats]) for stack in stacks])
        assert sorted(places.tolist()) == list(range(len(rows)))
        for stack in stacks:
            assert stack.sentence.endswith(".")
            for volume in stack.volumes:
                assert len(volume.places) >= 4 and set(volume.places) <= set(stack.places)
        results.append(sorted((stack.status.value, len(stack.places), len(stack.volumes)) for stack in stacks))
        random.shuffle(rows)
    assert results[0] == results[1]
