import pytest
import torch

from workbench.errors import InputError
from workbench.models.checkpoint import save_encoder
from workbench.models.encoder_source import find_encoder
from workbench.models.encoders import build_encoder
from workbench.runs.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    run = tmp_path / "runs" / "pretrain" / "mae-1"
    save_encoder(run, build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1), {"pool_digest": "ab"})
    (run / "status.json").write_text("{}")
    (tmp_path / "runs" / "pretrain" / "young").mkdir()
    (tmp_path / "runs" / "pretrain" / "young" / "status.json").write_text("{}")
    return Workspace(tmp_path)


@pytest.mark.parametrize("word", ["scratch:resnet18", "random:resnet18"])
def test_random_encoders(workspace, word):
    source = find_encoder(word, workspace, in_channels=3, size=48, seed=5)
    expected = build_encoder("resnet18", in_channels=3, size=48, seed=5)
    made = source.make()
    assert source.scratch
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), expected.parameters(), strict=True))
    assert source.make() is not made


def test_a_run_by_its_id_and_a_folder_by_its_path(workspace):
    run = workspace.root / "runs" / "pretrain" / "mae-1"
    for word in ("mae-1", str(run), "runs/pretrain/mae-1", str(run / "encoder.safetensors")):
        source = find_encoder(word, workspace, size=32)
        assert (source.name, source.scratch, source.facts["pool_digest"]) == ("vit_tiny", False, "ab")
    assert find_encoder("mae-1", workspace, size=64).make().size == 64


def test_each_making_starts_from_the_same_weights(workspace):
    source = find_encoder("mae-1", workspace, size=32)
    first = source.make()
    with torch.no_grad():
        first.vit.norm.weight.zero_()
    assert float(source.make().vit.norm.weight.sum()) == 192.0


def test_weights_from_a_file(workspace, tmp_path):
    torch.save(build_encoder("resnet18", seed=3).network.state_dict(), tmp_path / "w.pth")
    source = find_encoder(f"resnet18@{tmp_path / 'w.pth'}", workspace)
    assert not source.scratch
    assert source.facts["source"] == "w.pth"
    assert "of the encoder's" in source.said


def test_what_is_not_an_encoder(workspace):
    with pytest.raises(InputError, match="scratch:resnet18 for random weights"):
        find_encoder("resnet18", workspace)
    with pytest.raises(InputError, match="no encoder 'nothing'"):
        find_encoder("nothing", workspace)
    with pytest.raises(InputError, match="'young' has written no encoder yet"):
        find_encoder("young", workspace)
    with pytest.raises(InputError, match="takes 1 channels, the scans have 3"):
        find_encoder("mae-1", workspace, in_channels=3, size=32)
