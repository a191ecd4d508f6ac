from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.cohort.quality.making import evidence, labels_of, one
from workbench.cohort.quality.confounding import area_under_curve, confounding

SCANS = [f"S{n:03d}" for n in range(200)]


def given(scanner: list[str], label: list[str]):
    return evidence(200, scanner=scanner, others={"labels": labels_of({"scan_id": SCANS, "label": label})})


def test_a_scanner_that_gives_the_label_away():
    rng = np.random.default_rng(0)
    label = rng.choice(["no", "yes"], 200)
    scanner = np.where(rng.random(200) < 0.9, np.where(label == "yes", "bedside", "room"), "room")
    found = one(confounding(given(list(scanner), list(label))), "scanner_tells_label")
    assert found.rule == "Q21" and "class 'yes'" in found.sentence and "0.9" in found.sentence


def test_a_scanner_that_says_nothing_and_one_per_patient():
    rng = np.random.default_rng(0)
    label = list(rng.choice(["no", "yes"], 200))
    assert list(confounding(given(list(rng.choice(["a", "b", "c"], 200)), label))) == []
    assert list(confounding(given([f"scanner {n}" for n in range(200)], label))) == []  # seen once, learnt never
    assert list(confounding(given(["a"] * 200, label))) == []


def test_the_area_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    has, score = rng.random(300) < 0.3, rng.integers(0, 9, 300) / 9
    assert area_under_curve(has, score) == pytest.approx(roc_auc_score(has, score), abs=1e-12)
