from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.audit.attributes import MISSING, AttributeTable
from workbench.audit.operating import newcombe
from workbench.audit.representation import representation


def table_of(values: list[str]) -> tuple[AttributeTable, np.ndarray, dict[str, str]]:
    scans = np.array([f"S{n:03d}" for n in range(len(values))], dtype=object)
    table = pd.DataFrame({"sex": values}, index=scans)
    orders = {"sex": (*sorted(set(values)), MISSING)}
    return AttributeTable(table, {"sex": "header"}, orders), scans, {scan: f"P{n // 2}" for n, scan in enumerate(scans)}


def test_labelled_patients_who_are_unlike_the_rest_are_told() -> None:
    """Labelled: 60 of 80 women; rest of the pool: 40 of 120."""
    values = ["F"] * 120 + ["M"] * 40 + ["F"] * 80 + ["M"] * 160
    table, scans, owner = table_of(values)
    (found,) = representation(table, ["sex"], owner, pool=scans, labelled=scans[:160], test=scans[:0])
    assert found.totals == (200, 80, 120, 0)
    women = found.shares[0]
    assert (women.pool, women.labelled, women.unlabelled) == (100, 60, 40)
    assert women.difference == pytest.approx(60 / 80 - 40 / 120)
    assert (women.low, women.high) == pytest.approx(newcombe((0.75, 80), (1 / 3, 120)))
    assert [share.group for share in found.unlike] == ["F", "M"] and found.p_holm < 1e-6


def test_a_random_choice_is_like_the_rest() -> None:
    random = np.random.default_rng(0)
    unlike = 0
    for _ in range(40):
        table, scans, owner = table_of(random.choice(["F", "M"], 400).tolist())
        (found,) = representation(table, ["sex"], owner, pool=scans, labelled=scans[:200], test=scans[:0])
        unlike += bool(found.unlike)
    assert unlike <= 6


def test_where_all_are_labelled_there_is_nothing_to_compare() -> None:
    table, scans, owner = table_of(["F", "M"] * 20)
    (found,) = representation(table, ["sex"], owner, pool=scans, labelled=scans, test=scans[:4])
    assert found.totals == (20, 20, 0, 2)
    assert np.isnan(found.p) and np.isnan(found.shares[0].difference) and found.unlike == []


def test_a_patient_has_the_first_value_that_is_recorded() -> None:
    table, scans, owner = table_of([MISSING, "F", "M", "M"])
    (found,) = representation(table, ["sex"], owner, pool=scans, labelled=scans[:2], test=scans[:0])
    assert {share.group: share.pool for share in found.shares} == {"F": 1, "M": 1}
