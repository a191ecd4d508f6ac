from __future__ import annotations

import numpy as np
import pytest

from tests.audit.making import attribute_of
from workbench.audit.labelled import Labelled
from workbench.audit.readable import HALVES, _halves, readable
from workbench.evaluation.auc import influence
from workbench.evaluation.probe import fit_probes


def made(seed: int, strength: float, people: int = 80, values: str = "AB") -> tuple[Labelled, np.ndarray]:
    """Healthy patients of two scans each; the attribute moves the first features."""
    random = np.random.default_rng(seed)
    group = np.repeat(random.integers(0, len(values), 2 * people), 2)
    x = random.standard_normal((4 * people, 6)).astype(np.float32)
    x[np.arange(len(x)), group] += strength
    words, owners = np.array(list(values))[group], np.repeat([f"P{n}" for n in range(2 * people)], 2)
    half = 2 * people
    nobody = np.zeros(half, int)
    attributes = {"sex": (words[:half], words[half:])}
    return Labelled({"m": (x[:half], x[half:])}, nobody, owners[:half], nobody, owners[half:], attributes), words[half:]


def test_the_value_is_that_of_a_probe_on_all_healthy_scans() -> None:
    labelled, test = made(0, 1.5)
    values, found, note = readable(attribute_of(test), labelled)
    assert (values, note) == (("A", "B"), "")
    x, x_test = labelled.features["m"]
    target = (labelled.attributes["sex"][0] == "B").astype(int)
    fits = fit_probes(x, target, [np.arange(len(x))], x_test, labelled.patients, classes=2)
    alone = influence(fits.probabilities[0], (test == "B").astype(int), labelled.test_patients)
    assert found["m"].value == pytest.approx(float(alone.auc), abs=1e-6)
    assert found["m"].high - found["m"].low > alone.interval().high - alone.interval().low  # training sets vary, too
    assert (found["m"].n, found["m"].n_patients) == (160, 80)


def test_halves_are_of_patients_and_of_every_group() -> None:
    target, patients = np.repeat([0, 0, 0, 1, 1, 1, 1], 2), np.repeat(list("abcdefg"), 2)
    draws, people = _halves(target, patients, 0)
    assert len(draws) == HALVES + 1 and people == (4, 7)
    for rows in draws[:-1]:
        assert len(rows) == 8
        assert sorted(target[rows]) == [0] * 4 + [1] * 4
    assert draws[-1].tolist() == list(range(14))
    assert len({tuple(rows) for rows in draws[:-1]}) > 1


def test_noise_is_chance() -> None:
    """Of 60 attributes that leave no trace, about one in twenty lies off chance."""
    off = 0
    for seed in range(60):
        labelled, test = made(seed, 0.0, people=60)
        found = readable(attribute_of(test), labelled)[1]["m"]
        off += not found.low <= 0.5 <= found.high
    assert off <= 7


def test_several_groups_are_told_apart_together() -> None:
    labelled, test = made(1, 2.0, values="ABC")
    values, found, _ = readable(attribute_of(test), labelled)
    assert values == ("A", "B", "C") and found["m"].low > 0.7
