import json

import numpy as np
import pytest
from PIL import Image

from workbench.cli import main
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs.import_images import ImportImagesSettings, import_images


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(np.full((40, 40), number, np.uint8)).save(folder / f"{number}.png")
    table = tmp_path / "labels.csv"
    table.write_text("file,patient,label,age\n0.png,A,x,old\n1.png,B,y,3\nabsent.png,C,x,4\n", encoding="utf-8")
    return folder, table


def test_the_verb_reports_what_it_did(tmp_path, source):
    folder, table = source
    settings = ImportImagesSettings(folder=folder, labels=table, out=tmp_path / "out", modality="DX")
    result = import_images(settings, workspace=Workspace(tmp_path))
    assert (result.seen, result.imported, result.refused, result.exit_code) == (3, 2, 1, 0)
    text = result.summary()
    assert "3 rows seen = 2 imported + 1 refused; 2 patients." in text
    assert "file_missing: there is no such file" in text and "1 values of column 'age'" in text
    assert f"workbench index {tmp_path / 'out' / 'dicom'} --cohort NAME" in text


def test_the_command(tmp_path, source, capsys):
    folder, table = source
    code = main(["import-images", str(folder), str(table), "--out", str(tmp_path / "out"), "--json"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 0 and result["imported"] == 2 and result["reasons"] == {"file_missing": 1}


def test_nothing_imported_is_the_users_mistake(tmp_path, source):
    folder, table = source
    table.write_text("file,patient\nabsent.png,C\n", encoding="utf-8")
    result = import_images(
        ImportImagesSettings(folder=folder, labels=table, out=tmp_path / "out"), workspace=Workspace(tmp_path)
    )
    assert result.exit_code == 2 and "Nothing was imported" in result.summary()
    assert "no column 'label'" in result.summary()


def test_files_of_an_earlier_import_are_mentioned(tmp_path, source):
    folder, table = source
    settings = ImportImagesSettings(folder=folder, labels=table, out=tmp_path / "out")
    import_images(settings, workspace=Workspace(tmp_path))
    table.write_text("file,patient,label\n0.png,A,x\n", encoding="utf-8")
    assert "1 DICOM files of an earlier import" in import_images(settings, workspace=Workspace(tmp_path)).summary()


def test_settings_are_checked(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'labels'"):
        load_settings(ImportImagesSettings, values={"folder": "a", "label": "b", "out": "c"})
    with pytest.raises(InputError, match="modality"):
        load_settings(ImportImagesSettings, values={"folder": "a", "labels": "b", "out": "c", "modality": "x ray"})
