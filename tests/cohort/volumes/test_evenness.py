import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cohort.volumes.evenness import evenness
from workbench.cohort.volumes.statuses import Status


def places(*gaps: float) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(gaps)])


def test_even_gaps():
    found = evenness(places(*[2.5] * 9))
    assert (found.status, found.spacing_mm, found.deviation, found.runs) == (Status.REGULAR, 2.5, 0.0, ())


@pytest.mark.parametrize(
    ("gap", "status"),
    [
        (1.0099, Status.REGULAR),
        (1.03, Status.JITTER),
        (1.0499, Status.JITTER),
        (1.06, Status.PIECEWISE),
    ],
)
def test_one_gap_that_is_off_by_a_share(gap, status):
    assert evenness(places(*[1.0] * 5, gap, *[1.0] * 3, gap, 1.0)).status is status


@pytest.mark.parametrize(("gap", "status"), [(5.09, Status.JITTER), (5.11, Status.IRREGULAR)])
def test_jitter_is_at_most_a_tenth_of_a_millimetre(gap, status):
    assert evenness(places(5, 5, gap, 5, gap, 5)).status is status


def test_holes_are_counted_and_cut_at():
    found = evenness(places(1, 1, 1, 3, 1, 1, 2, 1, 1, 1))
    assert (found.status, found.missing, found.runs) == (Status.MISSING, 3, ((0, 4), (4, 7), (7, 11)))


def test_two_spacings_are_no_holes():
    """5 mm is twice 2.5 mm, yet the thick slices of a head CT are all there."""
    found = evenness(places(*[2.5] * 9, *[5.0] * 7))
    assert (found.status, found.missing, found.runs) == (Status.PIECEWISE, 0, ((0, 10), (10, 17)))


def test_blocks_with_a_gap_that_is_no_multiple():
    found = evenness(places(*[2.0] * 5, 7.3, *[2.0] * 4))
    assert (found.status, found.runs) == (Status.PIECEWISE, ((0, 6), (6, 11)))


def test_a_slice_between_two_runs_goes_to_the_first():
    found = evenness(places(1, 1, 1, 4, 4, 4, 4, 9, 9, 9))
    assert found.runs == ((0, 4), (4, 8), (8, 11))


def test_many_odd_gaps_are_irregular():
    assert evenness(places(1, 2.2, 0.7, 1.9, 3.1, 1.4)).status is Status.IRREGULAR


@given(st.lists(st.floats(0.05, 50), min_size=1, max_size=40))
def test_runs_never_overlap_and_lie_within_the_stack(gaps):
    found = evenness(places(*gaps))
    edges = [edge for run in found.runs for edge in run]
    assert edges == sorted(edges) and all(0 <= edge <= len(gaps) + 1 for edge in edges)
    assert (len(found.runs) >= 2) == (found.status in (Status.MISSING, Status.PIECEWISE))
