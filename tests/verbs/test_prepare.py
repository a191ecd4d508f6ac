import json
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.store import Store
from workbench.verbs.index import IndexSettings, index
from workbench.verbs.prepare import PrepareSettings, prepare


def write_slice(path, hounsfield, number):
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientID, ds.PatientName, ds.Modality, ds.InstanceNumber = f"p{number}", "", "CT", 1
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [0.5, 0.5]
    ds.Rows, ds.Columns = hounsfield.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = (hounsfield + 1024).astype(np.uint16).tobytes()
    ds.save_as(path, enforce_file_format=True)


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(4):
        picture = np.full((32, 32), 50 * number)
        picture[:4] = -1000
        write_slice(folder / f"{number}.dcm", picture, number)
    write_slice(folder / "blank.dcm", np.zeros((32, 32), int), 9)
    place = Workspace(tmp_path / "work")
    index(
        load_settings(IndexSettings, values={"sources": [str(folder)], "cohort": "ct", "workers": 1}), workspace=place
    )
    return place


def run(workspace, **values):
    return prepare(load_settings(PrepareSettings, values={"cohort": "ct", "workers": 1, **values}), workspace=workspace)


def test_index_then_prepare_then_again(workspace):
    result = run(workspace, size=16)
    assert (result.scans, result.decoded, result.refused, result.left_out, result.shards) == (4, 4, 0, 1, 1)
    assert result.bytes == 4 * 16 * 16 * 2
    assert result.scans_per_s == pytest.approx(4 / result.seconds, rel=0.05)
    assert (
        "4 scans decoded" in result.summary()
        and "1 scan of the cohort, flagged or excluded, left out" in result.summary()
    )
    store = Store.open(result.store)
    assert sorted(store.read(range(4))[:, 0, 8, 8].tolist()) == [0, 50, 100, 150]
    assert store.index["spacing_row_mm"].tolist() == [1.0] * 4
    again = run(workspace, size=16)
    assert (again.decoded, again.digest) == (0, result.digest)
    assert again.summary().startswith("Nothing was missing.")


def test_refused_scans_are_counted_by_reason(workspace, tmp_path):
    file = tmp_path / "scans" / "1.dcm"
    file.write_bytes(file.read_bytes()[:-64])
    result = run(workspace, size=16)
    assert (result.scans, result.refused, result.reasons) == (3, 1, {"truncated": 1})
    assert "1 scan could not be decoded: 1 truncated" in result.summary()


def test_an_unknown_cohort_is_told(workspace):
    with pytest.raises(InputError, match="Known: ct"):
        run(workspace, cohort="mr")


def test_wrong_settings_are_told(workspace):
    with pytest.raises(InputError, match="channels"):
        run(workspace, channels=2)


def test_on_the_command_line(workspace):
    words = ["prepare", "ct", "size=16", "workers=1", "--workspace", str(workspace.root), "--json"]
    done = subprocess.run([sys.executable, "-m", "workbench.cli", *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["scans"] == 4
