from pathlib import Path

import numpy as np
import pytest

from workbench.cohort.keys import SiteKey
from workbench.dicom.secondary_capture import write_secondary_capture
from workbench.finetuning import scan_files
from workbench.finetuning.scan_files import FileTask, dicom_files, read_file, read_files
from workbench.store.settings import StoreSettings

SETTINGS = StoreSettings(size=16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pixels = np.zeros((32, 16), np.uint8)
    pixels[:16] = 200
    write_secondary_capture(
        tmp_path / "a.dcm", pixels, patient_id="7", study_uid="1.2.3", series_uid="1.2.4", sop_uid="1.2.5"
    )
    return tmp_path / "a.dcm"


def test_a_picture_is_fitted_and_its_identifiers_become_keys(file: Path) -> None:
    key = SiteKey.load()
    read = read_file(FileTask(str(file), SETTINGS, key.secret))
    assert (read.code, len(read.scans)) == ("", 1)
    scan = read.scans[0]
    assert scan.image.shape == (1, 16, 16)
    assert scan.image.dtype == np.float32
    assert scan.image[0, :8, 4:12].min() == 1.0  # bright above
    assert scan.image[0, 8:, :].max() == 0.0  # dark below
    assert scan.image[0, :, :4].max() == 0.0  # letterbox beside
    assert scan.patient_key == key.patient("", "7")
    assert scan.study_key == key.uid("1.2.3")
    assert scan.scan_id == key.scan(key.uid("1.2.5"), 0)


def test_refusals_are_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello, this is no picture" * 40)
    read = read_file(FileTask(str(tmp_path / "x"), SETTINGS, bytes(32)))
    assert (read.code, read.scans) == ("not_dicom", ())


def test_all_files_are_found_once_in_order(tmp_path: Path, file: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_bytes(file.read_bytes())
    assert dicom_files([tmp_path, tmp_path / "deep"]) == [str(file), str(tmp_path / "deep" / "b")]


def test_files_are_read_in_other_processes(file: Path) -> None:
    reads = list(read_files([str(file)] * 2, SETTINGS, workers=1))
    assert [len(read.scans) for read in reads] == [1, 1]


def test_a_reader_that_dies_costs_its_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        index, value, error = 0, None, "died"

    monkeypatch.setattr("workbench.runs.engine.map_tasks", lambda *args, **kwargs: iter([Dead()]))
    assert [read.code for read in scan_files.read_files(["a.dcm"], SETTINGS)] == ["crashed"]
