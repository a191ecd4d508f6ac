import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.dicom import read_frame, read_header
from workbench.errors import InputError, OperationFailed
from workbench.runs.engine import TaskResult
from workbench.runs.progress import Progress
from workbench.sources import images
from workbench.sources.images import REASONS, import_folder


def make_folder(root: Path, count: int = 3) -> Path:
    folder = root / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number in range(count):
        Image.fromarray(np.full((5, 6), number, np.uint8)).save(folder / "deep" / f"p{number}.png")
    return folder


def table(root: Path, text: str) -> Path:
    file = root / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def digests(out: Path) -> dict[str, str]:
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(out.rglob("*"))
        if file.is_file()
    }


GOOD = """file,patient,label,sex,age,view,split,study
deep/p0.png,A,yes,F,40,PA,train,
deep/p1.png,B,no,m,old,,test,S1
deep\\p2.png,B,no,m,50,AP,test,S1
"""


def test_pictures_become_dicom_with_their_labels(tmp_path):
    out = tmp_path / "out"
    done = import_folder(make_folder(tmp_path), table(tmp_path, GOOD), out, progress=Progress(quiet=True))
    assert (done.seen, done.imported, done.refused, done.patients) == (3, 3, 0, 2)
    assert done.unclear == {"age": 1} and done.stale == 0 and done.notes == ()
    labels = rows(out / "labels.csv")
    assert list(labels[0]) == ["sop", "path", "patient", "label", "file", "sex", "age", "view", "split", "study"]
    assert [row["label"] for row in labels] == ["yes", "no", "no"]
    assert [row["split"] for row in labels] == ["train", "test", "test"]
    for number, row in enumerate(labels):
        header = read_header(out / row["path"])
        assert header.identifiers.sop_uid == row["sop"] and header.identifiers.patient_id == row["patient"]
        np.testing.assert_array_equal(read_frame(out / row["path"]).values, np.full((5, 6), number))
    first, second, third = (read_header(out / row["path"]) for row in labels)
    assert (first.sex, first.age_years, first.view_position, first.modality) == ("F", 40, "PA", "OT")
    assert (second.sex, second.age_years, third.view_position) == ("M", None, "AP")
    assert second.identifiers.study_uid == third.identifiers.study_uid != first.identifiers.study_uid
    assert second.identifiers.series_uid == third.identifiers.series_uid
    import pydicom

    assert [pydicom.dcmread(out / row["path"]).InstanceNumber for row in labels] == [1, 1, 2]
    assert rows(out / "refused.csv") == []


def test_a_second_import_gives_the_same_files_wherever_it_goes(tmp_path):
    folder, labels = make_folder(tmp_path), table(tmp_path, GOOD)
    for name in ("a", "b", "a"):
        import_folder(folder, labels, tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    import_folder(folder, labels, tmp_path / "c", collection="other")
    assert set(digests(tmp_path / "c")) & set(digests(tmp_path / "a")) == {"labels.csv", "refused.csv"}


def test_another_table_says_what_is_left_of_the_earlier_one(tmp_path):
    folder, out = make_folder(tmp_path), tmp_path / "out"
    import_folder(folder, table(tmp_path, GOOD), out)
    done = import_folder(folder, table(tmp_path, "file,patient\ndeep/p0.png,A\n"), out)
    assert (done.imported, done.stale) == (1, 2)
    assert "no column 'label'" in done.notes[0] and "label" not in rows(out / "labels.csv")[0]


def test_every_bad_row_is_reported_with_its_reason(tmp_path):
    folder = make_folder(tmp_path)
    (tmp_path / "secret.png").write_bytes((folder / "deep" / "p0.png").read_bytes())
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "text.png").write_text("hello", encoding="utf-8")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:2000])
    bad = [
        ("deep/p0.png,A,x,extra", "bad_row"),
        (",A,x", "no_file"),
        ("deep/p0.png,,x", "no_patient"),
        (f"deep/p0.png,{'9' * 65},x", "bad_patient"),
        ("deep/p0.png,A\\B,x", "bad_patient"),
        ("deep/p0.png,A,x", ""),
        ("deep/p0.png,A,y", "listed_twice"),
        ("../secret.png,A,x", "outside_folder"),
        (f"{tmp_path}/secret.png,A,x", "outside_folder"),
        ("out.png,A,x", "outside_folder"),
        ("absent.png,A,x", "file_missing"),
        ("deep,A,x", "file_missing"),
        (f"{'n' * 300}.png,A,x", "unreadable"),
        ("text.png,A,x", "not_an_image"),
        ("cut.png,A,x", "damaged"),
    ]
    out = tmp_path / "out"
    done = import_folder(folder, table(tmp_path, "file,patient,label\n" + "\n".join(line for line, _ in bad)), out)
    assert (done.seen, done.imported, done.refused) == (15, 1, 14)
    refused = rows(out / "refused.csv")
    assert [(int(row["row"]), row["reason"]) for row in refused] == [
        (number, reason) for number, (_, reason) in enumerate(bad, start=2) if reason
    ]
    assert all(row["detail"].startswith(REASONS[row["reason"]]) for row in refused)
    assert next(row for row in refused if row["reason"] == "listed_twice")["detail"].endswith("see row 7")
    assert sum(done.reasons.values()) == 14 and done.reasons["outside_folder"] == 3
    assert len(list((out / "dicom").rglob("*.dcm"))) == 1


def test_a_path_inside_the_folder_may_be_absolute(tmp_path):
    folder = make_folder(tmp_path)
    done = import_folder(folder, table(tmp_path, f"file,patient\n{folder}/deep/p0.png,A\n"), tmp_path / "out")
    assert done.imported == 1


def test_many_pictures_go_through_processes(tmp_path):
    folder = make_folder(tmp_path, count=200)
    lines = [f"deep/p{number}.png,P{number % 7},{number % 2}" for number in range(200)]
    done = import_folder(
        folder, table(tmp_path, "file,patient,label\n" + "\n".join(lines)), tmp_path / "out", workers=2
    )
    assert (done.imported, done.patients) == (200, 7)
    found = rows(tmp_path / "out" / "labels.csv")
    assert [row["file"] for row in found] == [f"deep/p{number}.png" for number in range(200)]
    assert read_frame(tmp_path / "out" / found[199]["path"]).values[0, 0] == 199


def test_a_worker_that_dies_is_reported_for_each_of_its_rows(tmp_path, monkeypatch):
    folder = make_folder(tmp_path, count=150)
    lines = [f"deep/p{number}.png,P" for number in range(150)]

    def broken(function, chunks, *, workers):
        for index, chunk in enumerate(chunks):
            yield TaskResult(index, error="died") if index == 1 else TaskResult(index, function(chunk))

    monkeypatch.setattr(images, "map_tasks", broken)
    done = import_folder(folder, table(tmp_path, "file,patient\n" + "\n".join(lines)), tmp_path / "out")
    assert (done.imported, done.refused, done.reasons) == (86, 64, {"damaged": 64})


def test_what_cannot_be_written_is_reported(tmp_path, monkeypatch):
    folder, labels = make_folder(tmp_path), table(tmp_path, GOOD)
    done = import_folder(folder, labels, tmp_path / "a", transfer_syntax="1.2.840.10008.1.2.4.90")
    assert done.reasons == {"not_written": 3}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.dicom.secondary_capture.write_secondary_capture", full)
    done = import_folder(folder, labels, tmp_path / "b")
    assert done.reasons == {"not_written": 3}
    assert rows(tmp_path / "b" / "refused.csv")[0]["detail"].endswith("No space left on device")


def test_folders_that_cannot_be_used(tmp_path):
    labels = table(tmp_path, GOOD)
    with pytest.raises(InputError, match="no such folder"):
        import_folder(tmp_path / "absent", labels, tmp_path / "out")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OperationFailed, match="cannot be made"):
        import_folder(make_folder(tmp_path), labels, tmp_path / "file" / "out")
    (tmp_path / "out" / "labels.csv").mkdir(parents=True)
    with pytest.raises(OperationFailed, match="cannot be written"):
        import_folder(tmp_path / "pictures", labels, tmp_path / "out")


def test_real_radiographs(tmp_path, shared_data):
    source = shared_data / "kermany-cxr"
    with (source / "index.csv").open(newline="", encoding="utf-8") as stream:
        chosen = list(csv.DictReader(stream))[::600]
    lines = [f"{row['split']}/{row['cls']}/{row['file']},{row['pid']},{row['sub']}" for row in chosen]
    out = tmp_path / "out"
    done = import_folder(
        source / "images", table(tmp_path, "file,patient,label\n" + "\n".join(lines)), out, modality="DX"
    )
    assert (done.imported, done.refused) == (len(chosen), 0) and len(chosen) == 10
    for row in rows(out / "labels.csv"):
        frame = read_frame(out / row["path"])
        with Image.open(source / "images" / row["file"]) as image:
            np.testing.assert_array_equal(frame.values, np.asarray(image.convert("L")))
        assert frame.values.shape == (224, 224) and frame.training().dtype == np.uint16
        header = read_header(out / row["path"])
        assert header.modality == "DX" and header.flags == "lossy"
