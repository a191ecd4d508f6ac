import pytest
import torch

from workbench.errors import InputError
from workbench.models.encoders import build_encoder

# name, size, arguments, features, layers, parameters with one input channel
SHAPES = [
    ("resnet18", 64, {}, 512, 9, 11_170_240),
    ("resnet50", 40, {}, 2048, 17, 23_501_760),
    ("resnet18_small", 28, {}, 512, 9, 11_167_680),
    ("densenet121", 64, {}, 1024, 5, 6_947_584),
    ("convnext_tiny", 64, {}, 768, 20, 27_817_056),
    ("vit_tiny", 64, {}, 192, 14, 5_363_904),
    ("vit_small", 32, {"patch_size": 8, "depth": 2}, 384, 4, 3_581_568),
    ("vit_base", 32, {"patch_size": 16, "depth": 1}, 768, 3, 7_291_392),
]


@pytest.mark.parametrize(("name", "size", "arguments", "dim", "layers", "parameters"), SHAPES)
def test_shapes_layers_and_parameters(name, size, arguments, dim, layers, parameters):
    encoder = build_encoder(name, size=size, seed=3, **arguments).eval()
    with torch.no_grad():
        features = encoder(torch.rand(2, 1, size, size))
    assert features.shape == (2, dim)
    assert encoder.feature_dim == dim
    assert bool(torch.isfinite(features).all())
    groups = encoder.layers()
    assert len(groups) == layers
    listed = [id(p) for group in groups for p in group]
    assert len(listed) == len(set(listed))
    assert set(listed) == {id(p) for p in encoder.parameters()}
    assert sum(p.numel() for p in encoder.parameters()) == parameters


def test_the_first_layer_reads_the_image_and_the_last_is_next_to_the_features():
    encoder = build_encoder("resnet18", seed=0)
    groups = encoder.layers()
    assert groups[0][0] is encoder.network.conv1.weight
    assert any(p is encoder.network.layer4[1].conv2.weight for p in groups[-1])
    vit = build_encoder("vit_tiny", depth=2, seed=0)
    assert any(p is vit.vit.pos_embed for p in vit.layers()[0])
    assert vit.layers()[-1][0] is vit.vit.norm.weight


def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = build_encoder("vit_tiny", depth=1, seed=11), build_encoder("vit_tiny", depth=1, seed=11)
    other = build_encoder("vit_tiny", depth=1, seed=12)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.vit.patch_embed.proj.weight, other.vit.patch_embed.proj.weight)


def test_normalisation_is_inside_and_is_saved():
    encoder = build_encoder("resnet18", seed=0).eval()
    images = torch.rand(2, 1, 64, 64)
    assert torch.allclose(encoder.normalise(images), (images - 0.5) / 0.25)
    encoder.set_normalisation(0.25, 0.5)
    with torch.no_grad():
        assert torch.allclose(encoder(images), encoder.network((images - 0.25) / 0.5), atol=1e-6)
    assert encoder.state_dict()["mean"].tolist() == [0.25]
    colour = build_encoder("resnet18", in_channels=3, seed=0)
    colour.set_normalisation([0.1, 0.2, 0.3], 0.5)
    assert colour.mean.tolist() == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="above 0"):
        encoder.set_normalisation(0.5, 0.0)


def test_tokens_are_pooled_by_mean_or_class_token():
    images = torch.rand(2, 1, 32, 32)
    mean = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=0).eval()
    token = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, pool="token", seed=0).eval()
    with torch.no_grad():
        tokens = mean.vit.forward_features(mean.normalise(images))
        assert tokens.shape == (2, 17, 192)
        assert torch.allclose(mean(images), tokens[:, 1:].mean(1))
        assert torch.allclose(token(images), tokens[:, 0])
    assert token.arguments == {"depth": 1, "patch_size": 8, "pool": "token"}
    with pytest.raises(InputError, match="'max'.*mean or token"):
        build_encoder("vit_tiny", pool="max")


def test_only_a_vit_has_tokens_and_only_a_cnn_has_feature_maps():
    assert build_encoder("resnet18", seed=0).feature_map_layer() == "network.layer4"
    assert build_encoder("densenet121", seed=0).feature_map_layer() == "network.features.denseblock4"
    assert build_encoder("convnext_tiny", seed=0).feature_map_layer() == "network.stages.3"
    with pytest.raises(InputError, match="roll-out"):
        build_encoder("vit_tiny", depth=1, seed=0).feature_map_layer()
    with pytest.raises(InputError, match="no vision transformer"):
        _ = build_encoder("resnet18", seed=0).vit
