from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.audit.attributes import MISSING, OTHER, SEVERAL, Attribute, attribute_table
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.evaluation.units import Units
from workbench.runs.workspace import Workspace


@pytest.fixture
def made(tmp_path) -> SimpleNamespace:
    """Forty patients of two scans; ages 20 to 98, one sex missing, a column of many words and one of numbers."""
    count = 80
    owner = np.repeat(np.arange(40), 2)
    manifest = pd.DataFrame(
        {
            "scan_id": [f"S{n:02d}" for n in range(count)],
            "path_key": [f"F{n:02d}" for n in range(count)],
            "patient_key": [f"P{n:02d}" for n in owner],
            "pixel_hash": [f"h{n}" for n in range(count)],
            "patient_unknown": False,
            "sex": [None if n == 0 else "FM"[n % 2] for n in owner],
            "age_years": 20 + 2 * owner,
            "manufacturer": "ABC",
            "view_position": ["PA", "AP"] * 40,
        }
    )
    cohort = Cohort.create(Workspace(tmp_path).cohort_dir("c"), manifest)
    table = pd.DataFrame({"scan_id": manifest["scan_id"], "label": np.where(owner % 3 == 0, "yes", "no")})
    extra = pd.DataFrame(
        {
            "scan_id": manifest["scan_id"],
            "ward": [f"w{n % 20:02d}" for n in owner],
            "weight": [str(40 + n) for n in owner],
            "sex": "x",
        }
    )
    labels = Labels("v1", "binary", ["no", "yes"], table, extra)
    ids = manifest["scan_id"].to_numpy(dtype=object)
    return SimpleNamespace(cohort=cohort, labels=labels, ids=ids, dev=ids[:40], test=ids[40:], all=ids)


def test_header_fields_and_label_columns_become_groups(made: SimpleNamespace) -> None:
    found = attribute_table(made.cohort, made.labels, made.dev, made.all)
    assert set(found.table.columns) == {"sex", "age", "view", "ward", "weight"}
    assert found.skipped == {
        "manufacturer": "the same for all test scans (ABC)",
        "scanner": "not recorded in these scans",
        "site": "not recorded in these scans",
        "sex (label file)": "the same for all test scans (x)",
    }
    assert found.sources["ward"] == "label file" and found.sources["sex"] == "header"
    assert found.of_scans("sex", made.ids[[0, 2, 4]]).tolist() == [MISSING, "M", "F"]


def test_ages_fall_into_bands_and_numbers_into_thirds(made: SimpleNamespace) -> None:
    found = attribute_table(made.cohort, made.labels, made.dev, made.all)
    ages = found.of_scans("age", made.all)
    assert ages[[0, 20, 40, 60, 79]].tolist() == [
        "18 to under 40 years", "40 to under 60 years", "60 to under 80 years",
        "80 years and over", "80 years and over",
    ]  # fmt: skip
    weight = found.of_scans("weight", made.dev)  # patients 0 to 19: 40 to 59
    assert len(set(weight)) == 3
    assert np.unique(weight, return_counts=True)[1].tolist() == pytest.approx([14, 14, 14], abs=2)


def test_children_alone_are_cut_into_thirds(made: SimpleNamespace) -> None:
    manifest = made.cohort.manifest
    manifest["age_years"] = np.repeat(np.arange(40) % 12, 2)
    found = attribute_table(made.cohort, made.labels, made.dev, made.all, wanted=["age"])
    assert found.orders["age"][0].startswith("under ") and len(set(found.of_scans("age", made.all))) == 3


def test_of_many_values_the_rarest_are_pooled(made: SimpleNamespace) -> None:
    found = attribute_table(made.cohort, made.labels, made.dev, made.all, wanted=["ward"])
    values = set(found.of_scans("ward", made.all))
    assert len(values) == 12 and OTHER in values
    assert not Attribute.comparable(OTHER)


def test_a_unit_of_several_views_is_no_group(made: SimpleNamespace) -> None:
    found = attribute_table(made.cohort, made.labels, made.dev, made.test)
    patients = Units.of(np.repeat(np.arange(20), 2))
    assert set(found.of_units("view", made.test, patients)) == {SEVERAL}
    assert set(found.of_units("sex", made.test, patients)) == {"F", "M"}
    attribute = found.attribute("view", made.test, Units.of(np.arange(40)))
    assert attribute.groups() == ["AP", "PA"] and attribute.comparable_rows().all()


def test_combinations(made: SimpleNamespace) -> None:
    found = attribute_table(made.cohort, made.labels, made.dev, made.all, wanted=["sex"], cross=["sex*view"])
    assert list(found.table.columns) == ["sex", "sex*view"]
    values = found.of_scans("sex*view", made.ids[:3])
    assert values.tolist() == [f"{MISSING} x PA", f"{MISSING} x AP", "M x PA"]
    attribute = found.attribute("sex*view", made.all, Units.of(np.arange(80)))
    assert attribute.comparable_rows().sum() == 78


def test_the_same_groups_are_not_asked_twice(made: SimpleNamespace) -> None:
    made.cohort.manifest["site"] = made.cohort.manifest["sex"].map({"F": "one", "M": "two"})
    found = attribute_table(made.cohort, made.labels, made.dev, made.all, wanted=["sex", "site"])
    assert list(found.table.columns) == ["sex"] and found.skipped == {"site": "the same groups as sex"}


@pytest.mark.parametrize(
    ("wanted", "cross", "said"), [(["colour"], [], "'colour'.*Known: sex"), ([], ["sex"], "sex\\*age")]
)
def test_what_is_unknown_is_said(made: SimpleNamespace, wanted, cross, said: str) -> None:
    with pytest.raises(InputError, match=said):
        attribute_table(made.cohort, made.labels, made.dev, made.all, wanted=wanted, cross=cross)
