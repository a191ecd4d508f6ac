import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import workbench
from workbench.errors import InputError, OperationFailed
from workbench.models import checkpoint
from workbench.models.checkpoint import load_encoder, read_facts, save_encoder
from workbench.models.encoders import build_encoder

SMALL = [
    ("resnet18", {"in_channels": 1, "size": 64}),
    ("resnet18_small", {"in_channels": 1, "size": 28}),
    ("densenet121", {"in_channels": 3, "size": 32}),
    ("vit_tiny", {"in_channels": 1, "size": 32, "depth": 1, "patch_size": 8, "pool": "token"}),
]


@pytest.fixture
def saved(tmp_path):
    encoder = build_encoder("vit_tiny", size=32, depth=1, seed=1)
    return encoder, save_encoder(tmp_path / "run", encoder, {"method": "mae", "pool_digest": "0123"})


@pytest.mark.parametrize(("name", "arguments"), SMALL)
def test_a_round_trip_is_exact(tmp_path, name, arguments):
    encoder = build_encoder(name, seed=4, **arguments).train()
    encoder.set_normalisation(0.31, 0.17)
    with torch.no_grad():
        encoder(torch.rand(4, arguments["in_channels"], arguments["size"], arguments["size"]))  # moves batch statistics
    save_encoder(tmp_path, encoder)
    again = workbench.load_encoder(tmp_path)
    before, after = encoder.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not again.training
    assert again.arguments == encoder.arguments
    images = torch.rand(2, arguments["in_channels"], arguments["size"], arguments["size"])
    with torch.no_grad():
        assert torch.equal(encoder.eval()(images), again(images))


def test_the_facts_say_all_that_it_takes(saved):
    encoder, folder = saved
    facts = read_facts(folder)
    assert facts["architecture"] == "vit_tiny"
    assert facts["arguments"] == {"depth": 1, "patch_size": 4, "pool": "mean"}
    assert (facts["in_channels"], facts["size"], facts["feature_dim"]) == (1, 32, 192)
    assert facts["value_range"] == [0.0, 1.0]
    assert facts["normalisation"] == {"mean": [0.5], "std": [0.25]}
    assert (facts["method"], facts["pool_digest"]) == ("mae", "0123")
    assert set(facts["versions"]) == {"torch", "torchvision", "timm", "safetensors"}
    assert {file.name for file in folder.iterdir()} == {"encoder.safetensors", "encoder.json"}
    assert encoder.name == facts["architecture"]


def test_either_file_and_the_folder_name_the_encoder(saved):
    _, folder = saved
    for path in (folder, folder / "encoder.safetensors", str(folder / "encoder.json")):
        assert load_encoder(path).name == "vit_tiny"


def test_another_size_resamples_the_positions(saved):
    _, folder = saved
    encoder = load_encoder(folder, size=64)
    assert encoder.size == 64
    assert encoder.vit.pos_embed.shape == (1, 257, 192)
    with torch.no_grad():
        assert encoder(torch.rand(1, 1, 64, 64)).shape == (1, 192)


def test_a_folder_without_an_encoder(tmp_path):
    with pytest.raises(InputError, match=r"no encoder here.*encoder\.json"):
        load_encoder(tmp_path)


def test_missing_weights(saved):
    _, folder = saved
    (folder / "encoder.safetensors").unlink()
    with pytest.raises(InputError, match="weights are missing"):
        load_encoder(folder)


def test_weights_of_another_run_are_refused(saved):
    encoder, folder = saved
    other = build_encoder("vit_tiny", size=32, depth=1, seed=2)
    save_file(other.state_dict(), folder / "encoder.safetensors")
    with pytest.raises(InputError, match="not those that its description was written for"):
        load_encoder(folder)
    assert encoder.size == 32


def test_weights_that_do_not_fit_are_named_with_their_shapes(saved):
    _, folder = saved
    tensors = load_file(folder / "encoder.safetensors")
    tensors["network.norm.weight"] = torch.zeros(7)
    tensors["network.extra"] = torch.zeros(1)
    del tensors["network.norm.bias"]
    save_file(tensors, folder / "encoder.safetensors")
    facts = json.loads((folder / "encoder.json").read_text())
    del facts["weights_sha256"]
    (folder / "encoder.json").write_text(json.dumps(facts))
    with pytest.raises(InputError) as caught:
        load_encoder(folder)
    text = str(caught.value)
    assert "'network.norm.bias' is missing" in text
    assert "'network.extra' is not part of the network" in text
    assert "'network.norm.weight' has shape (7,) where the network has (192,)" in text
    assert caught.value.exit_code == 2


def test_a_truncated_file_is_the_files_fault(saved):
    _, folder = saved
    facts = json.loads((folder / "encoder.json").read_text())
    del facts["weights_sha256"]
    (folder / "encoder.json").write_text(json.dumps(facts))
    whole = (folder / "encoder.safetensors").read_bytes()
    (folder / "encoder.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="weights cannot be read"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "cannot be read"), ("[1]", "lacks 'architecture'"), ('{"architecture": "resnet18"}', "lacks 'in_channels'")],
)
def test_a_damaged_description(saved, content, told):
    _, folder = saved
    (folder / "encoder.json").write_text(content)
    with pytest.raises(InputError, match=told):
        load_encoder(folder)


def test_a_description_of_nonsense(saved):
    _, folder = saved
    (folder / "encoder.json").write_text('{"architecture": "resnet18", "in_channels": "one", "size": 64}')
    with pytest.raises(InputError, match="not complete"):
        load_encoder(folder)


def test_a_disk_that_is_full_loses_nothing(saved, monkeypatch):
    encoder, folder = saved
    before = (folder / "encoder.safetensors").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OperationFailed, match="No space left"):
        save_encoder(folder, encoder)
    assert (folder / "encoder.safetensors").read_bytes() == before
    assert sorted(file.name for file in folder.iterdir()) == ["encoder.json", "encoder.safetensors"]


def test_describe_rebuilds():
    encoder = build_encoder("resnet18", in_channels=2, size=48, seed=0)
    again = checkpoint.rebuild(checkpoint.describe(encoder), "here")
    assert again.network.conv1.weight.shape == (64, 2, 7, 7)
    assert again.size == 48
