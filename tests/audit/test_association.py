from __future__ import annotations

import numpy as np
import pytest

from workbench.audit.association import association


def test_full_and_no_association() -> None:
    truth = np.tile([0, 1], 50)
    people = np.arange(100)
    full = association(np.where(truth == 1, "A", "B"), truth, people)
    assert full.v == pytest.approx(1, abs=0.02) and full.p < 1e-20
    assert full.table == {"A": (50, 0), "B": (0, 50)}
    none = association(np.tile(["A", "A", "B", "B"], 25), truth, people)
    assert (none.v, none.p) == (0, pytest.approx(1))


def test_each_patient_counts_once() -> None:
    """A hundred scans of two patients are two patients."""
    truth = np.repeat([0, 1], 50)
    found = association(np.repeat(["A", "B"], 50), truth, np.repeat([0, 1], 50))
    assert found.patients == 2 and found.p > 0.1


def test_a_patient_is_positive_when_any_scan_is() -> None:
    found = association(np.array(["A", "A", "B"]), np.array([0, 1, 0]), np.array(["p", "p", "q"]))
    assert found.table == {"A": (1, 0), "B": (0, 1)}


def test_chance_is_rarely_called_an_association() -> None:
    random = np.random.default_rng(0)
    found = [
        association(random.choice(["A", "B", "C"], 100), random.integers(0, 2, 100), np.arange(100)) for _ in range(300)
    ]
    assert np.mean([each.p < 0.05 for each in found]) == pytest.approx(0.05, abs=0.04)
    assert np.mean([each.v for each in found]) < 0.08  # without the correction it would be 0.13
