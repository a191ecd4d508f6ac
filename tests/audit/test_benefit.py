from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.audit.making import YES, expit, make_material, pair
from workbench.audit.benefit import benefit
from workbench.audit.scores import Point


def calibrated(seed: int, strength: float, draws: int = 4):
    """A material whose probabilities are true; ``strength`` 0 is a model that knows nothing."""
    material, _ = make_material(seed, {"A": (120, 180)}, draws=draws, inside=False, replicates=200)
    random = np.random.default_rng(seed)
    truth = material.subjects.truth
    z = random.standard_normal(len(truth)) + strength * truth
    p = expit(strength * z - strength**2 / 2 + np.log(120 / 180))
    point = Point("m", "probe", "50", 50, 50, np.arange(draws), pair(np.repeat(p[None], draws, axis=0)))
    return replace(material, points=[point], primary=point)


def test_a_good_model_does_more_good() -> None:
    found = benefit(calibrated(0, 2.0), act_from=0.1, act_to=0.4, prevalence=None)
    assert found.verdict.startswith("Acting on the model does more good")
    assert (found.low <= found.gain).all() and (found.gain <= found.high).all()
    assert found.prevalence == pytest.approx(0.4)
    np.testing.assert_allclose(found.everybody, 0.4 - 0.6 * found.thresholds / (1 - found.thresholds))
    assert (found.avoided > 0).all() and found.reference is None


def test_a_model_that_knows_nothing_is_not_called_useful() -> None:
    """All probabilities are 0.4: below it one acts on everybody, above it on nobody; the gain is nothing."""
    found = benefit(calibrated(0, 0.0), act_from=0.1, act_to=0.3, prevalence=None)
    np.testing.assert_allclose(found.gain, 0, atol=1e-12)
    assert "it is not shown" in found.verdict


def test_chance_is_rarely_called_useful() -> None:
    """Probabilities that scatter about the prevalence without knowing anything."""
    called = 0
    for seed in range(30):
        material = calibrated(seed, 0.0)
        noise = expit(np.log(2 / 3) + 0.5 * np.random.default_rng(seed).standard_normal(300))
        point = replace(material.primary, probabilities=pair(np.repeat(noise[None], 4, axis=0)))
        found = benefit(replace(material, points=[point], primary=point), act_from=0.1, act_to=0.5, prevalence=None)
        called += "more good than" in found.verdict and "not shown" not in found.verdict
    assert called <= 4


def test_another_prevalence_is_the_one_that_was_declared() -> None:
    found = benefit(calibrated(0, 2.0), act_from=0.05, act_to=0.2, prevalence=0.1)
    assert found.prevalence == 0.1 and found.learned == pytest.approx(0.4)
    np.testing.assert_allclose(found.everybody, 0.1 - 0.9 * found.thresholds / (1 - found.thresholds))
    assert found.model[0] <= 0.1


def test_the_reference_is_compared_on_the_same_patients() -> None:
    material = calibrated(0, 2.0)
    twin = replace(material.primary, arm="reference")
    found = benefit(replace(material, reference=[twin]), act_from=0.1, act_to=0.4, prevalence=None)
    assert found.reference_gain is not None and found.reference is not None
    np.testing.assert_allclose(found.reference_gain, 0, atol=1e-12)
    np.testing.assert_allclose(found.reference, found.model)
    assert YES.name == "yes"
