import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from workbench.errors import InputError
from workbench.models.checkpoint import save_encoder
from workbench.models.encoders import build_encoder
from workbench.models.initialise import load_weights

VIT = {"size": 32, "patch_size": 8, "depth": 2}


def vit(seed, **changes):
    return build_encoder("vit_tiny", seed=seed, **{**VIT, **changes})


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "prefix", ["", "module.", "backbone.", "encoder.vit.", "student.", "teacher.backbone.", "network."]
)
def test_every_wrapper_is_found(prefix):
    source, target = vit(1), vit(2)
    state = {prefix + name: value for name, value in source.network.state_dict().items()}
    state["decoder.weight"] = torch.zeros(2)
    report = load_weights(target, state)
    assert equal(source.network, target.network)
    assert report.prefix == prefix
    assert report.missing == ()
    assert report.unexpected == ("decoder.weight",)
    total = len(source.network.state_dict())
    assert report.sentence.startswith(f"{total} of the encoder's {total} tensors were loaded")
    assert "1 in the file were not used: decoder.weight" in report.sentence


def test_the_teacher_is_taken_before_the_student():
    teacher, student, target = vit(1), vit(2), vit(3)
    state = {f"student.{name}": value for name, value in student.network.state_dict().items()}
    state |= {f"teacher.{name}": value for name, value in teacher.network.state_dict().items()}
    assert load_weights(target, state).prefix == "teacher."
    assert equal(teacher.network, target.network)


def test_own_checkpoint_with_its_normalisation(tmp_path):
    source, target = vit(1), vit(2)
    source.set_normalisation(0.2, 0.1)
    save_encoder(tmp_path, source)
    report = load_weights(target, tmp_path)
    assert equal(source, target)
    assert (report.missing, report.unexpected, report.adapted) == ((), (), ())
    assert load_weights(vit(3), tmp_path / "encoder.safetensors").matched == report.matched


def test_torchvision_colours_are_summed(tmp_path):
    source = torchvision.models.resnet18(weights=None)
    torch.save(source.state_dict(), tmp_path / "resnet18.pth")
    target = build_encoder("resnet18", seed=0)
    report = load_weights(target, tmp_path / "resnet18.pth")
    assert torch.allclose(target.network.conv1.weight, source.conv1.weight.sum(1, keepdim=True))
    assert torch.equal(target.network.layer3[0].conv1.weight, source.layer3[0].conv1.weight)
    assert report.missing == ()
    assert report.unexpected == ("fc.weight", "fc.bias")
    assert "'conv1.weight' was adapted from 3 to 1 channels" in report.sentence
    assert (round(float(target.mean), 3), round(float(target.std), 3)) == (0.449, 0.226)


def test_a_grey_image_gets_the_response_that_it_had_in_colour():
    source = build_encoder("resnet18", in_channels=3, seed=1).eval()
    target = build_encoder("resnet18", in_channels=1, seed=2).eval()
    load_weights(target, source.state_dict())
    grey = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(target(grey), source(grey.expand(-1, 3, -1, -1)), atol=1e-4)
    back = build_encoder("resnet18", in_channels=3, seed=3).eval()
    load_weights(back, target.state_dict())
    with torch.no_grad():
        assert torch.allclose(back(grey.expand(-1, 3, -1, -1)), target(grey), atol=1e-4)


def test_a_timm_checkpoint_of_another_size_and_patch(tmp_path):
    source = timm.create_model("vit_tiny_patch16_224", depth=2, img_size=96, in_chans=3, num_classes=5)
    save_file({name: value.contiguous() for name, value in source.state_dict().items()}, tmp_path / "vit.safetensors")
    target = vit(0)
    report = load_weights(target, tmp_path / "vit.safetensors")
    assert report.missing == ()
    assert "position embeddings were resized from 6 x 6 to 4 x 4" in report.sentence
    assert "patches of 16 pixels were resampled to 8" in report.sentence
    assert "'patch_embed.proj.weight' was adapted from 3 to 1 channels" in report.sentence
    assert torch.equal(target.vit.blocks[1].mlp.fc2.weight, source.blocks[1].mlp.fc2.weight)


def test_an_mae_checkpoint_leaves_its_decoder():
    source, target = vit(1), vit(2)
    state = dict(source.network.state_dict())
    state |= {
        "mask_token": torch.zeros(1, 1, 8),
        "decoder_embed.weight": torch.zeros(8, 192),
        "decoder_blocks.0.w": torch.zeros(1),
    }
    report = load_weights(target, {"model": state})
    assert equal(source.network, target.network)
    assert report.unexpected == ("mask_token", "decoder_embed.weight", "decoder_blocks.0.w")


def test_names_of_old_torchvision_and_of_monai_densenets():
    source, target = build_encoder("densenet121", seed=1), build_encoder("densenet121", seed=2)
    state = source.network.state_dict()
    old = {name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for name, value in state.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    load_weights(target, old)
    assert equal(source.network, target.network)
    other = build_encoder("densenet121", seed=3)
    monai = {
        ".".join(parts[:3] + ["layers", *parts[3:]] if parts[2].startswith("denselayer") else parts): value
        for name, value in state.items()
        for parts in [name.split(".")]
    }
    assert "features.denseblock1.denselayer1.layers.norm1.weight" in monai
    load_weights(other, monai)
    assert equal(source.network, other.network)


def test_facebooks_convnext_names():
    source, target = (build_encoder("convnext_tiny", seed=seed, depths=(1, 1, 1, 1)) for seed in (1, 2))
    state = {}
    for name, value in source.network.state_dict().items():
        name = name.replace("stem.", "downsample_layers.0.").replace("head.norm.", "norm.")
        for stage in range(4):
            name = name.replace(f"stages.{stage}.blocks.", f"stages.{stage}.")
            name = name.replace(f"stages.{stage}.downsample.", f"downsample_layers.{stage}.")
        state[name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")] = value
    report = load_weights(target, state)
    assert report.missing == ()
    assert equal(source.network, target.network)


def test_a_shape_that_does_not_fit_stays_random_and_is_named():
    source, target = build_encoder("resnet18", seed=1), build_encoder("resnet18_small", seed=2)
    before = target.network.conv1.weight.clone()
    report = load_weights(target, source.state_dict())
    assert report.missing == ("conv1.weight (shape (64, 1, 7, 7), the encoder has (64, 1, 3, 3))",)
    assert torch.equal(target.network.conv1.weight, before)
    assert torch.equal(target.network.layer1[0].conv1.weight, source.network.layer1[0].conv1.weight)
    assert "1 stay random" in report.sentence


def test_a_bad_match_is_refused_and_changes_nothing():
    target = vit(2)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_weights(target, build_encoder("resnet18", seed=1).state_dict())
    assert "do not fit vit_tiny: 0 of its" in str(caught.value)
    assert "Choose the architecture" in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())
    deeper = vit(1, depth=8)
    with pytest.raises(InputError, match="do not fit vit_tiny"):
        load_weights(deeper, {name: v for name, v in vit(1).network.state_dict().items() if "blocks.1" not in name})


def test_positions_that_are_no_square_stay_random():
    source, target = vit(1), vit(2)
    state = dict(source.network.state_dict())
    state["pos_embed"] = torch.zeros(1, 12, 192)
    report = load_weights(target, state)
    assert report.missing == ("pos_embed (shape (1, 12, 192), the encoder has (1, 17, 192))",)


def test_a_folder_without_an_encoder(tmp_path):
    with pytest.raises(InputError, match="no encoder here"):
        load_weights(vit(0), tmp_path)
