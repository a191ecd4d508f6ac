import numpy as np

from workbench.cli import main
from workbench.runs.workspace import Workspace
from workbench.verbs.import_medmnist import ImportMedmnistSettings, import_medmnist


def make_npz(path, findings=1):
    arrays = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = np.zeros((2, 28, 28), np.uint8)
        arrays[f"{split}_labels"] = np.zeros((2, findings), np.uint8)
    np.savez(path, **arrays)
    return path


def test_the_verb_reports_what_it_did(tmp_path):
    settings = ImportMedmnistSettings(
        name="ChestMNIST", npz=make_npz(tmp_path / "a.npz", 14), out=tmp_path / "out", workers=1
    )
    result = import_medmnist(settings, workspace=Workspace(tmp_path))
    assert (result.name, result.task, result.seen, result.imported, result.refused) == (
        "chestmnist",
        "multilabel",
        6,
        6,
        0,
    )
    assert len(result.columns) == 14
    assert "--column 'atelectasis,cardiomegaly," in result.summary()
    assert "every image counts as a patient of its own" in result.summary()


def test_the_command(tmp_path, capsys):
    npz = make_npz(tmp_path / "a.npz")
    words = ["import-medmnist", "pneumoniamnist", "--npz", str(npz), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main(words) == 0
    assert "6 images of pneumoniamnist imported (binary)." in capsys.readouterr().out
    np.savez(
        npz,
        **{f"{split}_images": np.ones((1, 28, 28), np.uint8) for split in ("train",)},
        train_labels=np.zeros((1, 1)),
    )
    assert main(words) == 0
    assert "6 DICOM files of an earlier import" in capsys.readouterr().out
    assert main(["import-medmnist", "pneumoniamnsit", "--out", str(tmp_path / "out")]) == 2
    assert "Did you mean 'pneumoniamnist'" in capsys.readouterr().err
