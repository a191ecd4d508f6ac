from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cohort.making import small_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.keys import SiteKey
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.split import SplitResult, SplitSettings, split

KEY = SiteKey(bytes(range(32)))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return small_cohort(tmp_path / "data_manifests" / "c", patients=60)


def run(cohort: Cohort, **settings) -> SplitResult:
    asked = SplitSettings.model_validate({"cohort": "c", **settings})
    return split(asked, workspace=Workspace(cohort.folder.parents[1]))


def publish(cohort: Cohort, **columns) -> Labels:
    table = cohort.manifest[["scan_id"]].copy()
    number = cohort.manifest["patient_key"].str[1:].astype(int)
    table["label"] = number.map(lambda n: "rare" if n % 10 == 0 else "common")
    attributes = table[["scan_id"]].assign(**{name: number.map(value) for name, value in columns.items()})
    labels = Labels("v1", "binary", ["common", "rare"], table, attributes)
    labels.write(cohort.folder)
    return labels


def test_shown_as_it_is(cohort: Cohort):
    before = (cohort.folder / "split.json").read_bytes()
    result = run(cohort)
    assert not result.changed and not result.frozen and result.mode == "hash" and result.labels == ""
    assert result.test_patients + result.development_patients == 60
    assert result.test_scans == 2 * result.test_patients and result.digest == cohort.split().digest
    assert "by keyed hash, 25 % of the groups, seed 0" in result.summary()
    assert (cohort.folder / "split.json").read_bytes() == before


def test_share_and_seed_can_change_until_something_is_pretrained(cohort: Cohort):
    result = run(cohort, test_share=0.5, seed=3)
    expected = [p for p in sorted(set(cohort.manifest["patient_key"])) if KEY.share(f"split|3|{p}") < 0.5]
    assert result.changed and list(cohort.split().test_patients) == expected
    again = run(cohort, seed=4)
    assert again.test_share == 0.5 and again.digest != result.digest
    listed = (cohort.folder / "cohort.yaml").read_text()
    pool = cohort.record_pool(cohort.pool())
    with pytest.raises(InputError, match="split of 'c' is frozen: 1 encoder pools.*new cohort"):
        run(cohort, test_share=0.25)
    shown = run(cohort)
    assert shown.frozen and shown.digest == again.digest and "The split is frozen" in shown.summary()
    assert listed == (cohort.folder / "cohort.yaml").read_text() and len(pool.digest) == 16


def test_stratified_by_label_keeps_the_rare_class(cohort: Cohort):
    publish(cohort)
    result = run(cohort, stratify="label", test_share=0.5)
    assert result.test_classes == {"common": 54, "rare": 6}
    assert result.development_classes == {"common": 54, "rare": 6}
    assert result.few_in_test == {"rare": 3}
    text = result.summary()
    assert "within 'label', 50 %" in text and "'rare' has 3 patients in the test set, fewer than 10" in text


def test_stratified_by_a_manifest_column_or_attribute(cohort: Cohort):
    publish(cohort, ward=lambda n: "w1" if n < 20 else "w2")
    run(cohort, stratify="ward", test_share=0.25)
    patients = [int(patient[1:]) for patient in cohort.split().test_patients]
    assert (sum(n < 20 for n in patients), sum(n >= 20 for n in patients)) == (5, 10)
    run(cohort, stratify="site", test_share=0.5)
    patients = [int(patient[1:]) for patient in cohort.split().test_patients]
    assert (sum(n % 2 for n in patients), len(patients)) == (15, 30)
    with pytest.raises(InputError, match="no column 'nothing'.*ward"):
        run(cohort, stratify="nothing")


def test_multilabel_cannot_stratify_by_label(cohort: Cohort):
    table = cohort.manifest[["scan_id"]].assign(x=1.0, y=0.0)
    Labels("v1", "multilabel", ["x", "y"], table, table[["scan_id"]]).write(cohort.folder)
    with pytest.raises(InputError, match="no single class to stratify by"):
        run(cohort, stratify="label")


def test_given_split_is_taken_over(cohort: Cohort):
    publish(cohort, part=lambda n: "" if n == 59 else "Test" if n % 4 == 0 else "val" if n % 4 == 1 else "train")
    result = run(cohort, **{"from": "part"})
    assert result.mode == "given" and result.given_by == "part" and result.test_patients == 15
    assert {int(patient[1:]) % 4 for patient in cohort.split().test_patients} == {0}
    assert result.notes == ["2 scans have no value of 'part'; they follow their patients."]
    assert "given by the column 'part'" in result.summary()
    assert Cohort.open(cohort.folder).split().rule.test_values == ("Test",)


def test_patients_on_both_sides_go_to_development(cohort: Cohort):
    labels = publish(cohort)
    attributes = labels.attributes.assign(part=["test" if n < 8 or n == 10 else "train" for n in range(120)])
    Labels("v2", "binary", labels.classes, labels.table, attributes).write(cohort.folder)
    result = run(cohort, **{"from": "part"})
    assert cohort.split().test_patients == ("P000", "P001", "P002", "P003")
    assert result.notes == ["1 groups of patients lay on both sides of the given split and went to development."]
    attributes = labels.attributes.assign(part=["test", "train"] * 60)
    Labels("v3", "binary", labels.classes, labels.table, attributes).write(cohort.folder)
    with pytest.raises(InputError, match="Nothing would be left in the test set"):
        run(cohort, **{"from": "part"})


def test_a_whole_site_is_held_out(cohort: Cohort):
    result = run(cohort, **{"from": "site", "test_values": "north"})
    assert result.test_patients == 30 and {int(p[1:]) % 2 for p in cohort.split().test_patients} == {1}
    with pytest.raises(InputError, match="holds 'north', which says neither test nor training"):
        run(cohort, **{"from": "site"})
    with pytest.raises(InputError, match="No scan has site=east; the column holds: north, south"):
        run(cohort, **{"from": "site", "test_values": "east"})
    with pytest.raises(InputError, match="either stratified or given"):
        run(cohort, **{"from": "site", "stratify": "label"})
    with pytest.raises(InputError, match="No scan has modality=test; the column holds: nothing"):
        run(cohort, **{"from": "modality"})


def test_moved_patients_are_told(cohort: Cohort):
    from dataclasses import replace

    replace(cohort.split(), moved=("P001",)).write(cohort.folder)
    assert "1 patients moved to development by links found later." in run(cohort).summary()


def test_settings_take_from_by_its_yaml_name():
    assert SplitSettings.model_validate({"cohort": "c", "from": "x"}).from_ == "x"
    assert pd.Series(SplitSettings(cohort="c").plain()).index.tolist() == [
        "cohort", "test_share", "seed", "stratify", "from", "test_values",
    ]  # fmt: skip
