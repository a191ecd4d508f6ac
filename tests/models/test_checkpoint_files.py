from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from workbench.errors import InputError
from workbench.models.checkpoint_files import CheckpointFiles
from workbench.models.weight_files import write_safetensors
from workbench.runs.workspace import Workspace

FILES = CheckpointFiles("thing", "thing.safetensors", "thing.json", ("size",), made_by="making")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "runs" / "make" / "a"
    folder.mkdir(parents=True)
    digest = write_safetensors(folder / "thing.safetensors", {"w": torch.ones(2)}, {})
    (folder / "thing.json").write_text(json.dumps({"size": 3, "weights_sha256": digest}))
    return folder


def test_a_folder_is_found_by_itself_and_by_either_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(folder.parents[2])
    for path in (folder, folder / "thing.json", folder / "thing.safetensors"):
        assert FILES.find(path) == folder
        assert FILES.at(str(path), workspace) == folder
    assert FILES.at("runs/make/a", workspace) == folder  # from the workspace
    monkeypatch.chdir(folder.parent)
    assert FILES.at("a", Workspace(folder.parents[3])) == Path("a")  # from here
    assert FILES.at("b", workspace) is None


def test_what_is_not_there_is_said(folder: Path) -> None:
    (folder / "thing.json").unlink()
    with pytest.raises(InputError, match=r"There is no thing here.*finished making's run folder"):
        FILES.find(folder)
    with pytest.raises(InputError, match="There is no thing here"):
        FILES.at(str(folder / "thing.safetensors"), Workspace(folder))
    assert FILES.at(str(folder), Workspace(folder)) is None


def test_facts_and_weights_belong_together(folder: Path) -> None:
    facts = FILES.read_facts(folder)
    assert FILES.read_weights(folder, facts)["w"].tolist() == [1.0, 1.0]
    write_safetensors(folder / "thing.safetensors", {"w": torch.zeros(2)}, {})
    with pytest.raises(InputError, match="not those that its description was written for"):
        FILES.read_weights(folder, facts)
    assert FILES.read_weights(folder, {})["w"].tolist() == [0.0, 0.0]  # written before digests were kept
    (folder / "thing.safetensors").unlink()
    with pytest.raises(InputError, match="thing's weights are missing.*both files of the thing"):
        FILES.read_weights(folder, facts)
    (folder / "thing.json").write_text("{}")
    with pytest.raises(InputError, match="lacks 'size'"):
        FILES.read_facts(folder)
