import numpy as np
import pytest
import torch
from PIL import Image

from workbench.errors import InputError
from workbench.evaluation.saliency import attention_rollout, grad_cam, saliency, write_pictures
from workbench.models.classifier import Classifier
from workbench.models.encoders import build_encoder


def classifier_of(name, size, **arguments):
    made = Classifier(build_encoder(name, size=size, seed=1, **arguments), ["a", "b"], "binary").eval()
    made.head.start_from(np.random.default_rng(0).normal(size=(2, made.encoder.feature_dim)), np.zeros(2))
    return made


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "convnext_tiny"])
def test_maps_of_cnns_lie_between_0_and_1_and_leave_the_classifier_alone(name):
    classifier = classifier_of(name, 64)
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    maps = saliency(classifier, images, [0, 1])
    assert maps.shape == (2, 64, 64)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert set(maps.max(axis=(1, 2)).tolist()) <= {0.0, 1.0}
    assert not any(module._forward_hooks or module._backward_hooks for module in classifier.modules())
    assert all(p.grad is None for p in classifier.parameters())


def test_grad_cam_points_at_the_place_that_speaks_for_the_class():
    classifier = classifier_of("resnet18", 64)
    network = classifier.encoder.network
    for name in ("conv1", "bn1", "maxpool", "layer1", "layer2", "layer3"):
        setattr(network, name, torch.nn.Identity())
    network.layer4 = torch.nn.AvgPool2d(8)  # the map is the image in blocks of 8 pixels
    classifier.encoder.set_normalisation(0.0, 1.0)
    classifier.head.linear = torch.nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        classifier.head.linear.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    image = torch.zeros(1, 1, 64, 64)
    image[0, 0, 40:48, 8:16] = 1.0
    found = grad_cam(classifier, image, [1])[0]
    top, left = np.unravel_index(found.argmax(), found.shape)
    assert 40 <= top < 48
    assert 8 <= left < 16
    assert found[:32].max() == 0.0
    assert grad_cam(classifier, image, [0]).max() == 0.0  # nothing speaks for the other class


def test_roll_out_of_uniform_attention_is_even_and_of_one_patch_points_there():
    classifier = classifier_of("vit_tiny", 32, depth=1, patch_size=8, pool="token")
    attention = classifier.encoder.vit.blocks[0].attn
    before = attention.fused_attn
    with torch.no_grad():
        attention.qkv.weight.zero_()
        attention.qkv.bias.zero_()
    images = torch.rand(1, 1, 32, 32)
    assert attention_rollout(classifier.encoder, images).max() < 1e-5  # no place stands out
    with torch.no_grad():  # queries are constant, the key of patch 6 (row 1, column 1 of 4) fits them
        attention.qkv.bias[:192] = 1.0
        classifier.encoder.vit.patch_embed.proj.weight.zero_()
        classifier.encoder.vit.pos_embed.zero_()
        classifier.encoder.vit.pos_embed[0, 6, :96] = 5.0
        attention.qkv.weight[192:384] = torch.eye(192)
        classifier.encoder.vit.blocks[0].norm1.bias.zero_()
    attention.qkv.weight.data[192:384, 96:] = 0.0
    found = attention_rollout(classifier.encoder, images)[0]
    top, left = np.unravel_index(found.argmax(), found.shape)
    assert (top // 8, left // 8) == (1, 1)
    assert attention.fused_attn is before
    assert not attention.attn_drop._forward_pre_hooks


def test_a_vit_is_shown_by_roll_out_whatever_the_class():
    classifier = classifier_of("vit_tiny", 32, depth=2, patch_size=8).train()
    images = torch.rand(2, 1, 32, 32)
    maps = saliency(classifier, images, [0, 1])
    assert maps.shape == (2, 32, 32)
    assert np.array_equal(maps, attention_rollout(classifier.encoder, images))
    assert classifier.training


def test_unknown_classes_are_refused():
    classifier = classifier_of("vit_tiny", 32, depth=1, patch_size=8)
    with pytest.raises(InputError, match="no class 2; the classifier has 2"):
        saliency(classifier, torch.rand(1, 1, 32, 32), [2])
    with pytest.raises(InputError, match="1 images but 2 classes"):
        saliency(classifier, torch.rand(1, 1, 32, 32), [0, 1])


def test_pictures_hold_image_and_map(tmp_path):
    images = torch.zeros(5, 1, 32, 32)
    maps = np.zeros((5, 32, 32), np.float32)
    maps[:, 8:16, 8:16] = 1.0
    file = write_pictures(tmp_path / "deep" / "saliency.png", images, maps, [f"case {n}" for n in range(5)])
    picture = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert picture.shape[1] == pytest.approx(16 * 110, abs=2)
    coloured = np.abs(picture[..., 0] - picture[..., 2]) > 20
    assert coloured.mean() > 0.005  # the maps are there, in colour
    assert (picture.max(axis=2) < 5).mean() > 0.1  # beside black images
