from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cohort.making import small_cohort
from workbench.cohort.cohort import Cohort
from workbench.cohort.keys import SiteKey
from workbench.cohort.label_join import shape_of
from workbench.cohort.labelling import few_in_test, join_labels
from workbench.cohort.labels import Labels
from workbench.cohort.manifest import LINK_COLUMNS, write_parquet
from workbench.errors import InputError

KEY = SiteKey(bytes(range(32)))


def hospital(folder: Path, patients: int = 12, issuers: dict[int, str] | None = None) -> Cohort:
    """Patients 000101, 000102, ... with two scans each in files scans/<id>/<0|1>.dcm; keys as an index makes them."""
    rows, paths, links = [], {}, []
    root = folder.parent / "scans"
    for number in range(patients):
        identifier = f"{101 + number:06d}"
        issuer = (issuers or {}).get(number, "")
        if issuers:
            identifier = f"{101 + number // 2:06d}"
        patient = KEY.patient(issuer, identifier)
        links.append(("patient", patient, KEY.link("patient", identifier)))
        links.append(("patient_loose", patient, KEY.link("patient_loose", identifier.lstrip("0"))))
        for scan in (0, 1):
            file = root / identifier / f"{scan}.dcm" if scan else root / identifier / f"first{number}.dcm"
            uid = f"1.2.{number}.{scan}"
            rows.append(
                {
                    "scan_id": KEY.scan(KEY.uid(uid), 0),
                    "path_key": KEY.path(str(file)),
                    "frame": 0,
                    "patient_key": patient,
                    "study_key": KEY.uid(f"1.2.{number}"),
                    "series_key": KEY.uid(f"1.2.{number}.9.{scan}"),
                    "instance_key": KEY.uid(uid),
                    "pixel_hash": uid,
                    "flags": "",
                }
            )
            paths[KEY.path(str(file))] = file
    cohort = Cohort.create(folder, pd.DataFrame(rows), paths=paths)
    write_parquet(cohort.private / "links.parquet", LINK_COLUMNS, links)
    table = cohort.private_table("paths")
    table["root"] = str(root).encode()
    table.to_parquet(cohort.private / "paths.parquet")
    return Cohort.open(folder)


def join(cohort: Cohort, text: str, key: str, column: str = "label", **settings) -> Labels:
    file = cohort.folder.parent / "labels.csv"
    file.write_text(text)
    return join_labels(cohort, file, key=key, column=column, **settings)


def test_by_patient_with_leading_zeros_lost_by_a_spreadsheet(tmp_path: Path):
    cohort = hospital(tmp_path / "c")
    labels = join(cohort, "patient_id;label\n000101;yes\n102;no\n103;yes\n999999;no\n", "patient")
    assert (labels.task, labels.classes) == ("binary", ["no", "yes"])
    assert labels.counts() == {"no": 2, "yes": 4}
    report = labels.report
    assert (report["rows"], report["rows_joined"], report["rows_not_joined"]) == (4, 3, 1)
    assert report["rows_joined_loosely"] == 2
    assert report["not_joined"] == [KEY.link("patient", "999999")] and report["not_joined_file_rows"] == [5]
    assert (report["scans_labelled"], report["scans_without_label"], report["patients_labelled"]) == (6, 18, 3)
    stored = (cohort.folder / "labels" / "v1.parquet").read_bytes()
    assert b"000101" not in stored and b"999999" not in stored


@pytest.mark.parametrize(
    ("key", "cell", "scans"),
    [
        ("sop", "1.2.3.1", 1),
        ("series", "1.2.3.9.0", 1),
        ("study", "1.2.3", 2),
        ("path", "000104/1.dcm", 1),
        ("path", "scans/000104/1.dcm", 1),
        ("path", ".\\000104\\1", 1),
        ("path", "first3.dcm", 1),
        ("path", "first3", 1),
        ("path", "{root}/000104/1.dcm", 1),
    ],
)
def test_other_keys(tmp_path: Path, key: str, cell: str, scans: int):
    cohort = hospital(tmp_path / "c")
    other = {"sop": "1.2.4.1", "series": "1.2.4.9.0", "study": "1.2.4", "path": "000105/1.dcm"}[key]
    cell = cell.replace("{root}", str(tmp_path / "scans"))
    labels = join(cohort, f"{key},label\n{cell},a\n{other},b\n", key)
    rows = labels.table[labels.table["label"] == "a"]["scan_id"]
    assert len(rows) == scans
    found = cohort.manifest.set_index("scan_id").loc[rows, "patient_key"]
    assert set(found) == {KEY.patient("", "000104")}


def test_a_file_name_that_occurs_twice_joins_nothing(tmp_path: Path):
    labels = join(hospital(tmp_path / "c"), "path,label\n1.dcm,a\nfirst1.dcm,a\nfirst2.dcm,b\n", "path")
    assert labels.report["rows_ambiguous"] == 1 and labels.report["rows_not_joined"] == 1


def test_a_number_used_by_two_issuers_joins_nothing(tmp_path: Path):
    cohort = hospital(tmp_path / "c", issuers={number: "AB"[number % 2] for number in range(12)})
    with pytest.raises(InputError, match="None of the 2 rows"):
        join(cohort, "patient,label\n000101,a\n000102,b\n", "patient")


def test_no_row_joins_shows_the_form_and_no_identifier(tmp_path: Path):
    cohort = hospital(tmp_path / "c")
    with pytest.raises(InputError) as caught:
        join(cohort, "patient,label\nXY-77123,a\nXY-77124,b\n", "patient")
    text = str(caught.value)
    assert "None of the 2 rows of the label file joins a scan by patient" in text
    assert "'aa-99999'" in text and "77123" not in text and "000101" not in text and "AB-001234" in text
    assert shape_of(["", ""]) == ""
    with pytest.raises(InputError, match="Unknown key 'name'"):
        join_labels(cohort, tmp_path / "labels.csv", key="name", column="label", key_column_name="patient")


def test_contradicting_rows_are_left_out_and_told_by_hashed_key(tmp_path: Path):
    cohort = hospital(tmp_path / "c")
    text = "patient,label\n101,yes\n101,no\n102,no\n103,yes\n103,yes\n104,\n"
    labels = join(cohort, text, "patient")
    assert labels.counts() == {"no": 2, "yes": 2}
    assert labels.report["conflict_count"] == 1 and labels.report["conflicts"] == [KEY.link("patient", "101")]
    with pytest.raises(InputError, match=r"the class 'yes' has no scan \(1 conflicts were set aside\)"):
        join(cohort, "patient,label\n101,yes\n101,no\n102,no\n", "patient")


def test_rows_that_complete_each_other_are_united(tmp_path: Path):
    text = "patient,mass,fluid\n101,1,\n101,,0\n102,0,1\n103,1,1\n103,0,1\n104,,\n"
    labels = join(hospital(tmp_path / "c"), text, "patient", "mass,fluid")
    assert labels.task == "multilabel" and labels.report["conflict_count"] == 1
    scans = labels.table["scan_id"].tolist()
    assert labels.targets(scans).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_a_finding_left_with_one_class_after_the_join_is_named(tmp_path: Path):
    text = "patient,mass,fluid\n101,1,0\n102,0,1\n103,0,1\n103,1,0\n101,1,0\n102,0,\n"
    labels = join(hospital(tmp_path / "c"), text, "patient", "mass,fluid")
    assert labels.counts() == {"mass": 2, "fluid": 2}
    with pytest.raises(InputError, match="the class 'mass' has no scan"):
        join(hospital(tmp_path / "d"), "patient,mass,fluid\n101,1,0\n101,0,0\n102,1,1\n", "patient", "mass,fluid")


def test_identical_pictures_with_different_labels_are_left_out(tmp_path: Path):
    cohort = hospital(tmp_path / "c")
    table = cohort.manifest.copy()
    table.loc[[0, 2], "pixel_hash"] = "same"
    table.loc[[0, 2], "flags"] = "identical_pixels"
    table.to_parquet(cohort.folder / "manifest.parquet")
    labels = join(Cohort.open(cohort.folder), "patient,label\n101,a\n102,b\n103,a\n", "patient")
    assert labels.report["identical_pictures_with_different_labels"] == ["same"]
    assert labels.counts() == {"a": 3, "b": 1}


def test_attributes_are_kept_per_scan(tmp_path: Path):
    text = "patient,label,split,surname\n101,a,train,Doe\n102,b,test,Roe\n"
    labels = join(hospital(tmp_path / "c"), text, "patient")
    assert sorted(labels.attributes["split"]) == ["test", "test", "train", "train"]
    assert list(labels.attributes.columns) == ["scan_id", "split"]
    assert labels.report["columns_not_kept"] == {"surname": "its name says that it could identify somebody"}


def test_columns_that_do_not_fit(tmp_path: Path):
    cohort = hospital(tmp_path / "c")
    with pytest.raises(InputError, match="No label column was named"):
        join(cohort, "patient,label\n101,a\n102,b\n", "patient", " ")
    with pytest.raises(InputError, match="cannot be both key and label"):
        join(cohort, "patient,label\n101,a\n102,b\n", "patient", "patient")
    with pytest.raises(InputError, match="cannot be the name of a label version"):
        join(cohort, "patient,label\n101,a\n102,b\n", "patient", version="a/b")


def test_few_patients_in_test_are_counted_per_class(tmp_path: Path):
    cohort = small_cohort(tmp_path / "c", patients=80)
    test = cohort.split().is_test(cohort.manifest["scan_id"])
    patients = cohort.manifest.loc[test, "patient_key"].nunique()
    table = cohort.manifest[["scan_id"]].copy()
    table["label"] = "common"
    rare = table.index[test][:4]
    table.loc[rare, "label"] = "rare"
    labels = Labels("v1", "binary", ["common", "rare"], table, table[["scan_id"]])
    assert few_in_test(cohort, labels) == {"rare": 2} and patients >= 12
    many = pd.DataFrame({"scan_id": table["scan_id"], "x": (table["label"] == "rare").astype(float), "y": 1.0})
    assert few_in_test(cohort, Labels("v1", "multilabel", ["x", "y"], many, table[["scan_id"]])) == {"x": 2}
