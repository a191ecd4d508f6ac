import csv
import hashlib
import http.server
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.dicom import read_frame, read_header
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.sources import medmnist
from workbench.sources.medmnist import fetch, import_set, stream_images
from workbench.sources.medmnist_sets import find_set


def make_npz(path: Path, *, colour: bool = False, findings: int = 1, classes: int = 2, count: int = 4, **more) -> Path:
    random = np.random.default_rng(1)
    arrays = {}
    for split, number in (("train", count), ("val", 2), ("test", 3)):
        shape = (number, 28, 28, 3) if colour else (number, 28, 28)
        arrays[f"{split}_images"] = random.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"{split}_labels"] = random.integers(0, classes, (number, findings), dtype=np.uint8)
    np.savez(path, **(arrays | more))
    return path


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_binary_set(tmp_path):
    npz = make_npz(tmp_path / "a.npz")
    done = import_set("pneumoniamnist", tmp_path / "out", npz=npz, workers=1, progress=Progress(quiet=True))
    assert (done.seen, done.imported, done.refused, done.patients) == (9, 9, 0, 9)
    found = rows(tmp_path / "out" / "labels.csv")
    assert list(found[0]) == ["sop", "path", "patient", "label", "split", "index"]
    assert [(row["split"], row["index"]) for row in found][3:6] == [("train", "3"), ("val", "0"), ("val", "1")]
    assert len({row["patient"] for row in found}) == 9
    with np.load(npz) as arrays:
        for row in found:
            place = int(row["index"])
            np.testing.assert_array_equal(
                read_frame(tmp_path / "out" / row["path"]).values, arrays[f"{row['split']}_images"][place]
            )
            assert row["label"] == ("normal", "pneumonia")[arrays[f"{row['split']}_labels"][place, 0]]
    header = read_header(tmp_path / "out" / found[0]["path"])
    assert (header.body_part, header.identifiers.patient_id) == ("CHEST", "pneumoniamnist-train-000000")
    assert any("rebuilt" in note for note in done.notes) and any("CC BY 4.0" in note for note in done.notes)


def test_a_multi_label_set_has_a_column_per_finding(tmp_path):
    npz = make_npz(tmp_path / "a.npz", findings=14)
    import_set("chestmnist", tmp_path / "out", npz=npz, workers=1)
    found = rows(tmp_path / "out" / "labels.csv")
    names = list(find_set("chestmnist").labels)
    assert list(found[0]) == ["sop", "path", "patient", *names, "split", "index"]
    with np.load(npz) as arrays:
        assert [int(found[0][name]) for name in names] == arrays["train_labels"][0].tolist()


def test_larger_sets_go_through_processes(tmp_path):
    npz = make_npz(tmp_path / "a.npz", count=600)
    done = import_set("pneumoniamnist", tmp_path / "out", npz=npz, workers=2)
    assert done.imported == 605
    assert [int(row["index"]) for row in rows(done.labels)[:600]] == list(range(600))


def test_colour_and_ordinal_sets_and_identical_files(tmp_path):
    npz = make_npz(tmp_path / "a.npz", colour=True, classes=5)
    for name in ("a", "b"):
        import_set("retinamnist", tmp_path / name, npz=npz, workers=1)
    one, other = ({file.name: file.read_bytes() for file in (tmp_path / name).rglob("*.dcm")} for name in ("a", "b"))
    assert one == other and len(one) == 9
    found = rows(tmp_path / "a" / "labels.csv")
    assert read_frame(tmp_path / "a" / found[0]["path"]).colour and found[0]["label"] in "01234"


def test_the_real_set(tmp_path, shared_data):
    npz = shared_data / "pneumoniamnist" / "pneumoniamnist.npz"
    chunks = list(stream_images(npz, "test", 256))
    assert [len(chunk) for chunk in chunks] == [256, 256, 112]
    with np.load(npz) as arrays:
        np.testing.assert_array_equal(np.concatenate(chunks), arrays["test_images"])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"train_labels": np.array([[5], [0], [0], [0]], np.uint8)}, "labels of 'train' are not those"),
        ({"train_labels": np.zeros((4, 2), np.uint8)}, "labels of 'train' are not those"),
        ({"train_labels": np.zeros((3, 1), np.uint8)}, "4 images and 3 labels"),
        ({"train_images": np.zeros((4, 28, 28), np.float32)}, "are float32"),
        ({"train_images": np.zeros((4, 28), np.uint8)}, "of shape"),
        ({"train_labels": np.array([[None]] * 4, object)}, "no MedMNIST set"),
        ({"train_images": np.array([None] * 4, object)}, "are object"),
    ],
)
def test_files_that_are_no_such_set(tmp_path, more, sentence):
    npz = make_npz(tmp_path / "a.npz", **more)
    with pytest.raises(InputError, match=sentence):
        import_set("pneumoniamnist", tmp_path / "out", npz=npz, workers=1)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        import_set("pneumoniamnist", tmp_path / "out", npz=tmp_path / "absent.npz")
    text = tmp_path / "text.npz"
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="no MedMNIST set"):
        import_set("pneumoniamnist", tmp_path / "out", npz=text)
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(InputError, match="holds no images"):
        import_set("pneumoniamnist", tmp_path / "out", npz=tmp_path / "other.npz")
    with pytest.raises(InputError, match="no size 32"):
        import_set("pneumoniamnist", tmp_path / "out", size=32)
    with pytest.raises(InputError, match="cannot be read"):
        list(stream_images(text, "train", 2))


def test_a_cut_array_is_noticed(tmp_path):
    import zipfile

    whole = make_npz(tmp_path / "a.npz")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "b.npz", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:-100] if name == "train_images.npy" else content)
    with pytest.raises(InputError, match="cut short"):
        list(stream_images(tmp_path / "b.npz", "train", 3))


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """A publisher on this machine that has one small set."""
    folder = tmp_path / "published"
    folder.mkdir()
    npz = make_npz(folder / "pneumoniamnist.npz")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(folder), **options)

        def log_message(self, format, *args):  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(medmnist, "PUBLISHER", f"http://127.0.0.1:{server.server_port}/")
    digest = hashlib.md5(npz.read_bytes()).hexdigest()
    facts = replace(find_set("pneumoniamnist"), md5={28: digest, 64: "0" * 32})
    monkeypatch.setattr(medmnist, "find_set", lambda name: facts)
    yield facts
    server.shutdown()
    server.server_close()


def test_a_set_is_fetched_checked_and_kept(tmp_path, publisher):
    out = tmp_path / "out"
    done = import_set("pneumoniamnist", out, workers=1, progress=Progress(quiet=True))
    assert done.imported == 9 and not any("rebuilt" in note for note in done.notes)
    assert (out / "pneumoniamnist.npz").is_file()
    (tmp_path / "published" / "pneumoniamnist.npz").unlink()
    assert fetch(publisher, out, 28) == out / "pneumoniamnist.npz"


def test_what_is_not_what_was_published_is_not_kept(tmp_path, publisher):
    (tmp_path / "published" / "pneumoniamnist_64.npz").write_bytes(b"other")
    with pytest.raises(OperationFailed, match="MD5 differs") as caught:
        fetch(publisher, tmp_path, 64)
    assert "--npz" in caught.value.todo and not list(tmp_path.glob("*.npz")) and not list(tmp_path.glob(".*part"))


def test_a_publisher_that_cannot_be_reached(tmp_path, publisher, monkeypatch):
    (tmp_path / "published" / "pneumoniamnist.npz").unlink()
    with pytest.raises(OperationFailed, match="cannot be reached: Not Found|File not found"):
        fetch(publisher, tmp_path, 28)
    monkeypatch.setattr(medmnist, "PUBLISHER", "http://127.0.0.1:9/")
    with pytest.raises(OperationFailed, match="cannot be reached") as caught:
        fetch(publisher, tmp_path, 28)
    assert "http://127.0.0.1:9/pneumoniamnist.npz" in str(caught.value)


def test_a_disk_that_is_full(tmp_path, publisher, monkeypatch):
    make_npz(tmp_path / "published" / "pneumoniamnist.npz")
    with pytest.raises(OperationFailed, match="cannot be stored"):
        fetch(publisher, tmp_path / "absent", 28)


def test_a_worker_that_fails(tmp_path, monkeypatch):
    from workbench.runs.engine import TaskResult

    def broken(function, chunks, *, workers):
        yield TaskResult(0, error="died")

    monkeypatch.setattr(medmnist, "map_tasks", broken)
    monkeypatch.setattr(medmnist, "CHUNK", 2)
    with pytest.raises(OperationFailed, match="died"):
        import_set("pneumoniamnist", tmp_path / "out", npz=make_npz(tmp_path / "a.npz"))
