from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.audit.making import make_material
from workbench.audit.metadata import header_features, rival
from workbench.evaluation.units import Units

MANIFEST = pd.DataFrame(
    {
        "scan_id": [f"S{n}" for n in range(6)],
        "sex": ["F", "M", "F", None, "M", "F"],
        "age_years": [30.0, 40.0, np.nan, 60.0, 70.0, 80.0],
        "scanner": ["a", "b", "a", "b", "a", "b"],
        "model": ["a", "b", "a", "b", "a", "b"],
        "rows": [64] * 6,
    }
)
DEV, TEST = np.array([f"S{n}" for n in range(4)]), np.array(["S4", "S5"])


def test_words_are_columns_and_absent_numbers_are_marked() -> None:
    found = header_features(MANIFEST, DEV, TEST)
    assert found is not None
    train, test = found
    assert train.shape == (4, 3 + 2 + 2 + 2) and test.shape == (
        2,
        9,
    )  # sex F, M, none; model; scanner; age and its lack
    assert train[2, -2] == pytest.approx((30 + 40 + 60) / 3) and train[:, -1].tolist() == [0, 0, 1, 0]


def test_what_is_asked_for_is_left_out_with_its_kin() -> None:
    without = header_features(MANIFEST, DEV, TEST, without="scanner")
    assert without is not None and without[0].shape[1] == 3 + 2
    assert header_features(MANIFEST, DEV, TEST, without="age")[0].shape[1] == 7  # type: ignore[index]
    assert header_features(MANIFEST[["scan_id", "rows"]], DEV, TEST) is None


def test_a_rival_that_comes_near_raises_the_alarm() -> None:
    material, _ = make_material(0, {"A": (150, 150)}, draws=3)
    truth = material.subjects.truth
    random = np.random.default_rng(0)
    strong, none = ((random.standard_normal((300, 2)) + gap * truth[:, None]).astype(np.float32) for gap in (1.5, 0.0))
    shared = (material, truth, np.arange(300).astype(str), Units.of(np.arange(300)), np.ones(300, bool))
    near = rival("corners", (strong, strong), *shared)
    far = rival("header", (none, none[::-1].copy()), *shared)
    assert near is not None and near.alarm and near.behind.estimate < 0.02
    assert far is not None and not far.alarm and far.low < 0.5 < far.high
    worse = replace(material, points=[material.primary])
    assert rival("one answer", (none, none), worse, np.zeros(300, int), *shared[2:]) is None
