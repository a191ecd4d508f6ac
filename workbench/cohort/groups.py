"""Groups: patients tied together by identical pictures must stay on one side of every split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def connect(patients: Sequence[str], links: Iterable[tuple[int, int]], n_pictures: int) -> list[str]:
    """The group of each patient, as the connected components of patients and the pictures that they share.

    Args:
        patients: Patient keys, sorted.
        links: Pairs ``(patient, picture)`` by their numbers from 0.
        n_pictures: Number of pictures that occur under more than one patient.

    Returns:
        One group name per patient: ``G`` and the smallest patient key of the component without its letter.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    total = len(patients) + n_pictures
    pairs = np.fromiter((number for link in links for number in link), dtype=np.int64).reshape(-1, 2)
    edges = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1] + len(patients))), shape=(total, total))
    _, component = connected_components(edges, directed=False)
    first: dict[int, str] = {}
    for number, key in zip(component[: len(patients)].tolist(), patients, strict=True):
        first.setdefault(number, key)  # patients are sorted, so this is the smallest
    return [group_name(first[number]) for number in component[: len(patients)].tolist()]


def group_name(smallest_patient: str) -> str:
    """The name of the group whose smallest patient key this is."""
    return "G" + smallest_patient[1:]


def smallest_patient(group: str) -> str:
    """The smallest patient key of a group, from its name."""
    return "P" + group[1:]
