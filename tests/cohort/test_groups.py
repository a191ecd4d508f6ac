from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.cohort.groups import connect, group_name, smallest_patient


def test_patients_that_share_pictures_are_one_group_named_after_the_smallest():
    patients = ["PA", "PB", "PC", "PD", "PE"]
    links = [(4, 0), (1, 0), (1, 1), (2, 1)]
    assert connect(patients, links, 2) == ["GA", "GB", "GB", "GD", "GB"]
    assert smallest_patient(group_name("PB")) == "PB"


def test_no_links_and_no_patients():
    assert connect(["PA", "PB"], [], 0) == ["GA", "GB"]
    assert connect([], [], 0) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=20))
def test_linked_patients_always_share_a_group(links: list[tuple[int, int]]):
    groups = connect([f"P{number}" for number in range(10)], links, 6)
    by_picture: dict[int, set[str]] = {}
    for patient, picture in links:
        by_picture.setdefault(picture, set()).add(groups[patient])
    assert all(len(found) == 1 for found in by_picture.values())
    untouched = set(range(10)) - {patient for patient, _ in links}
    assert all(groups[patient] == f"G{patient}" for patient in untouched)
